"""From POST to webhook over real processes."""

import time
from datetime import UTC, datetime, timedelta

import psycopg
from standardwebhooks import Webhook

from sendoff_domain.signing_secret import format_secret
from support.client import Client
from support.instances import Launcher
from support.receiver import Receiver
from support.waiting import wait_until


def test_a_message_reaches_its_webhook_and_is_sent(launch: Launcher, api: Client, receiver: Receiver) -> None:
    launch.worker()

    message_id = api.send("bob", {"text": "hi"}, metadata={"campaign": "spring"})
    message = api.wait_for(message_id, "sent")

    (request,) = receiver.of(message_id)
    expected = {"id": message_id, "to": "bob", "content": {"text": "hi"}, "metadata": {"campaign": "spring"}}
    assert request.message == expected
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("sendoff/")
    assert request.attempt == 1
    assert (message["attempts"], message["externalMessageId"]) == (1, "ext-1")
    assert message["sentAt"] is not None


def test_the_signature_is_that_of_standard_webhooks(
    launch: Launcher, api: Client, receiver: Receiver, sendoff_database: str
) -> None:
    launch.worker()
    message_id = api.send()
    api.wait_for(message_id, "sent")
    with psycopg.connect(sendoff_database) as connection:
        row = connection.execute("SELECT sealed_key FROM customer_secrets WHERE customer_id = 'default'").fetchone()
    assert row is not None
    key = row[0].removeprefix(b"\0")  # stored plain

    (request,) = receiver.of(message_id)
    verified = Webhook(format_secret(key)).verify(request.body, request.headers)

    assert verified["id"] == message_id


def test_no_message_arrives_before_its_time(launch: Launcher, api: Client, receiver: Receiver) -> None:
    launch.instance(processes=2)
    start = datetime.now(UTC) + timedelta(seconds=1)
    due = {api.send(deliverAt=(start + timedelta(milliseconds=20 * n)).isoformat()): n for n in range(100)}

    wait_until(lambda: len(receiver.ids()) == 100, "all 100 messages arrived")

    for request in receiver.received:
        deliver_at = (start + timedelta(milliseconds=20 * due[request.webhook_id])).timestamp()
        assert request.arrived_at >= deliver_at


def test_a_cancelled_message_is_never_sent(launch: Launcher, api: Client, receiver: Receiver) -> None:
    launch.worker()
    cancelled = api.send(delay="3s")
    kept = api.send(delay="3500ms")

    assert api.call("DELETE", f"/v1/messages/{cancelled}").status == 204
    api.wait_for(kept, "sent")

    assert receiver.ids() == {kept: 1}
    assert api.message(cancelled)["status"] == "cancelled"


def test_a_message_that_was_moved_arrives_at_its_new_time(launch: Launcher, api: Client, receiver: Receiver) -> None:
    launch.worker()
    message_id = api.send(delay="1h")
    moved_to = datetime.now(UTC) + timedelta(seconds=1)

    answer = api.call("PATCH", f"/v1/messages/{message_id}", {"deliverAt": moved_to.isoformat()})
    api.wait_for(message_id, "sent")

    assert answer.status == 200
    assert receiver.of(message_id)[0].arrived_at >= moved_to.timestamp()


def test_an_expired_message_is_not_sent_but_dies(launch: Launcher, api: Client, receiver: Receiver) -> None:
    expires_at = datetime.now(UTC) + timedelta(seconds=2)
    message_id = api.send(expiresAt=expires_at.isoformat())
    wait_until(lambda: time.time() > expires_at.timestamp(), "the message has expired")

    launch.worker()
    api.wait_for(message_id, "dead")

    assert receiver.received == []
    assert api.call("GET", f"/v1/dead-letters/{message_id}").body["reason"] == "expired"


def test_a_redirect_is_a_failure_and_is_not_followed(launch: Launcher, api: Client, receiver: Receiver) -> None:
    receiver.answer(302, headers={"Location": receiver.url + "/elsewhere"})
    launch.worker()
    message_id = api.send()

    api.wait_for(message_id, "dead")

    assert receiver.ids() == {message_id: 3}
    attempts = api.call("GET", f"/v1/messages/{message_id}/attempts").body["data"]
    assert {attempt["errorClass"] for attempt in attempts} == {"redirect"}


def test_a_slow_webhook_holds_neither_its_batch_nor_a_thread(launch: Launcher, api: Client, receiver: Receiver) -> None:
    slow = {f"to-{n}" for n in range(20)}
    receiver.hang(lambda request: request.message["to"] in slow)
    launch.worker()

    ids = api.send_many(200)
    wait_until(lambda: len(receiver.ids()) == 200, "the other messages do not wait for the slow ones")
    for message_id in ids[20:]:
        api.wait_for(message_id, "sent")
    assert {api.message(message_id)["status"] for message_id in ids[:20]} == {"sending"}

    receiver.let_go()
    for message_id in ids[:20]:
        api.wait_for(message_id, "sent")
    assert set(receiver.ids().values()) == {1}


def test_dramatiqs_own_command_line_runs_the_actors(launch: Launcher, api: Client, receiver: Receiver) -> None:
    dramatiq = launch.dramatiq("users-way", processes=2)
    ids = api.send_many(100)

    wait_until(lambda: len(receiver.ids()) == 100, "all messages arrived")

    for message_id in ids:
        api.wait_for(message_id, "sent")
    assert dramatiq.stop() == 0


def test_what_is_due_at_once_does_not_wait_for_the_next_interval(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    launch.worker(SCHEDULER__INTERVAL="1h")
    wait_until(lambda: len(api.call("GET", "/v1/scheduler").body["instances"]) == 2, "the worker has joined")

    message_id = api.send()

    api.wait_for(message_id, "sent")
    assert receiver.ids() == {message_id: 1}
