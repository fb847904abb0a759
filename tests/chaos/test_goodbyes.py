"""Processes that leave, pause and come back in the middle of the work."""

import signal

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
