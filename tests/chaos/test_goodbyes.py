"""Processes that leave, pause and come back in the middle of the work."""

import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.client import Client
from support.instances import Launcher
from support.receiver import Receiver
from support.waiting import wait_until

COUNT = 1500


@pytest.mark.timeout(180)
def test_a_worker_that_is_asked_to_leave_repeats_and_delays_nothing(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    receiver.answer_late(0.2)
    leaving, _ = launch.instance("a", processes=2)
    ids = api.send_many(COUNT)
    wait_until(lambda: len(receiver.ids()) >= COUNT // 10, "messages flow", timeout=60, every=0.005)

    assert leaving.stop() == 0
    assert len(receiver.ids()) < COUNT
    wait_until(lambda: len(receiver.ids()) == COUNT, "every message arrived", timeout=60)

    assert set(receiver.ids()) == set(ids)
    assert set(receiver.ids().values()) == {1}


@pytest.mark.timeout(180)
def test_a_worker_that_slept_past_its_leases_can_not_undo_what_others_did(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    receiver.hang(lambda _: True)
    sleeper = launch.worker("sleeper", SCHEDULER__LEASE="3s", SCHEDULER__MAX_CONCURRENT="20")
    ids = api.send_many(20)
    wait_until(lambda: len(receiver.ids()) == 20, "the sleeper has sent everything and waits for the answers")

    sleeper.signal(signal.SIGSTOP)
    receiver.let_go()
    launch.worker("awake", SCHEDULER__LEASE="3s")
    for message_id in ids:
        api.wait_for(message_id, "sent", timeout=40)
    sent_at = {message_id: api.message(message_id)["sentAt"] for message_id in ids}
    sleeper.signal(signal.SIGCONT)
    flowing = api.send(to="afterwards")
    api.wait_for(flowing, "sent")

    assert sleeper.stop() == 0
    assert {message_id: api.message(message_id)["sentAt"] for message_id in ids} == sent_at
    assert set(receiver.ids().values()) <= {1, 2}


def make_slow_customer(api: Client, url: str) -> None:
    """A customer that may take longer than the default customer, with one quick retry."""
    fields = {"id": "slow", "webhookUrl": url, "timeout": "2m", "connectTimeout": "1m"}
    answer = api.call("POST", "/v1/customers", fields | {"retry": {"attempts": 3, "first": "100ms"}})
    assert answer.status == 201, answer


@pytest.mark.timeout(180)
def test_a_worker_that_is_asked_to_leave_waits_for_its_slowest_customer(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    make_slow_customer(api, receiver.url)
    receiver.hang(lambda _: True)
    leaving = launch.worker("leaving", WEBHOOK__TIMEOUT="200ms")
    message = api.send(customer="slow")
    wait_until(receiver.ids, "the request is on the wire")

    with ThreadPoolExecutor() as pool:
        end = pool.submit(leaving.stop)
        time.sleep(3)  # longer than the default customer's timeout: that is what it waited for
        assert not end.done()
        receiver.let_go()
        assert end.result(60) == 0
    assert api.message(message)["status"] == "sent"
    assert receiver.ids() == {message: 1}


@pytest.mark.timeout(180)
def test_a_request_that_is_cut_when_its_worker_leaves_is_an_attempt(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    make_slow_customer(api, receiver.url)
    receiver.hang(lambda received: received.attempt == 1)
    message = api.send(customer="slow")
    leaving = launch.worker("leaving", WORKERS__SHUTDOWN_TIMEOUT="500ms")
    wait_until(receiver.ids, "the request is on the wire")

    assert leaving.stop() == 0
    (attempt,) = api.call("GET", f"/v1/messages/{message}/attempts").body["data"]
    assert (attempt["attempt"], attempt["outcome"], attempt["errorClass"]) == (1, "failed", "interrupted")

    launch.worker("next")
    api.wait_for(message, "sent")
    assert [one.attempt for one in receiver.of(message)] == [1, 2]


@pytest.mark.timeout(180)
def test_a_request_that_was_not_written_when_its_worker_left_is_no_attempt(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers the TLS handshake
        make_slow_customer(api, f"https://127.0.0.1:{silent.getsockname()[1]}/")
        leaving = launch.worker("leaving", WORKERS__SHUTDOWN_TIMEOUT="500ms")
        message = api.send(customer="slow")
        connection, _ = silent.accept()
        assert leaving.stop() == 0
        connection.close()

    assert api.call("GET", f"/v1/messages/{message}/attempts").body["data"] == []
    assert api.message(message)["status"] == "scheduled"
    assert api.call("PATCH", "/v1/customers/slow", {"webhookUrl": receiver.url}).status == 200
    launch.worker("next")
    api.wait_for(message, "sent")
    assert [one.attempt for one in receiver.of(message)] == [1]
