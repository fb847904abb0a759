"""Failures: tried again at the strategy's times, buried in the end, sent again by a person."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from support.client import Client
from support.instances import Launcher
from support.receiver import Receiver
from support.waiting import wait_until
from support.whole_sendoff import add_customer, free_port


def test_a_failing_webhook_is_tried_again_at_the_strategys_times_and_then_buried(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    receiver.answer(500, body="out of order")
    launch.worker()

    message_id = api.send()
    message = api.wait_for(message_id, "dead")

    first, second, third = receiver.of(message_id)
    assert [first.attempt, second.attempt, third.attempt] == [1, 2, 3]
    assert second.arrived_at - first.arrived_at >= 0.2
    assert third.arrived_at - second.arrived_at >= 0.4
    assert message["attempts"] == 3
    letter = api.call("GET", f"/v1/dead-letters/{message_id}").body
    assert (letter["reason"], letter["attempts"]) == ("exhausted", 3)
    attempts = api.call("GET", f"/v1/messages/{message_id}/attempts").body["data"]
    assert [(attempt["statusCode"], attempt["errorClass"]) for attempt in attempts] == [(500, "status")] * 3
    assert {attempt["answer"] for attempt in attempts} == {"out of order"}


def test_every_attempt_has_the_same_id_and_body_and_a_fresh_timestamp(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    receiver.answer(503)
    launch.worker(RETRY__FIRST="1100ms", RETRY__ATTEMPTS="2")

    message_id = api.send(content={"z": 1, "a": [1.0, "ä"]})
    api.wait_for(message_id, "dead")

    first, second = receiver.of(message_id)
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_a_webhook_that_recovers_gets_its_message(launch: Launcher, api: Client, receiver: Receiver) -> None:
    receiver.answer(500)
    launch.worker()
    message_id = api.send()
    wait_until(lambda: len(receiver.of(message_id)) == 1, "the first attempt has failed")

    receiver.answer(200, body='{"messageId": 42}')
    message = api.wait_for(message_id, "sent")

    assert (message["attempts"], message["externalMessageId"]) == (2, "42")


def test_retry_after_is_honoured(launch: Launcher, api: Client, receiver: Receiver) -> None:
    receiver.answer(429, headers={"Retry-After": "2"})
    launch.worker()
    message_id = api.send()
    wait_until(lambda: len(receiver.of(message_id)) == 2, "the second attempt came")

    first, second = receiver.of(message_id)[:2]

    assert second.arrived_at - first.arrived_at >= 2


def test_resending_a_dead_letter_delivers_it_under_its_old_id(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    receiver.answer(500)
    launch.worker()
    message_id = api.send()
    api.wait_for(message_id, "dead")
    receiver.answer(200)

    answer = api.call("POST", f"/v1/dead-letters/{message_id}/resend")
    message = api.wait_for(message_id, "sent")

    assert answer.status == 202
    assert receiver.of(message_id)[-1].attempt == 1
    assert message["attempts"] == 1
    assert api.call("GET", f"/v1/dead-letters/{message_id}").status == 404


def test_a_sent_message_can_be_sent_again(launch: Launcher, api: Client, receiver: Receiver) -> None:
    launch.worker()
    message_id = api.send()
    api.wait_for(message_id, "sent")

    assert api.call("POST", f"/v1/messages/{message_id}/resend").status == 202
    wait_until(lambda: receiver.ids()[message_id] == 2, "it arrived a second time")
    api.wait_for(message_id, "sent")


def test_a_retry_that_would_come_after_the_expiry_is_not_made(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    receiver.answer(500)
    launch.worker(RETRY__FIRST="1h", RETRY__MAX="2h")
    message_id = api.send(expiresAt=(datetime.now(UTC) + timedelta(minutes=5)).isoformat())

    api.wait_for(message_id, "dead")

    assert api.call("GET", f"/v1/dead-letters/{message_id}").body["reason"] == "expired"


def test_a_refused_connection_is_retried(launch: Launcher, api: Client) -> None:
    launch.worker(WEBHOOK__URL=f"http://127.0.0.1:{free_port()}/nobody", RETRY__ATTEMPTS="2")
    message_id = api.send()

    api.wait_for(message_id, "dead")

    attempts = api.call("GET", f"/v1/messages/{message_id}/attempts").body["data"]
    assert [attempt["errorClass"] for attempt in attempts] == ["connection_refused"] * 2


def test_a_private_address_that_is_not_allowed_is_never_called(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    launch.worker(SECURITY__ALLOWED_NETWORKS="[]", RETRY__ATTEMPTS="1")
    message_id = api.send()

    api.wait_for(message_id, "dead")

    attempts = api.call("GET", f"/v1/messages/{message_id}/attempts").body["data"]
    assert [attempt["errorClass"] for attempt in attempts] == ["forbidden_address"]
    assert receiver.received == []


def test_a_port_that_is_not_allowed_is_never_called(launch: Launcher, api: Client, receiver: Receiver) -> None:
    """Although the customer has it, from a time when it was allowed."""
    add_customer(api, receiver, "other", retry="once")
    launch.worker(SECURITY__ALLOWED_PORTS="[443]", WEBHOOK__URL="https://webhook.test/")
    message_id = api.send(customer="other")

    message = api.wait_for(message_id, "dead")

    port = urlsplit(receiver.url).port
    error = message["lastError"]
    assert error["class"] == "forbidden_address"
    assert error["detail"] == f"port {port} must not be called, only 443 (security.allowedPorts)"
    assert receiver.received == []


def test_what_waits_for_its_next_attempt_is_listed(launch: Launcher, api: Client, receiver: Receiver) -> None:
    receiver.answer(500)
    launch.worker(RETRY__FIRST="1h", RETRY__MAX="2h")
    message_id = api.send()
    api.wait_for(message_id, "retrying")

    listed = api.call("GET", "/v1/retries").body["data"]

    assert [retry["id"] for retry in listed] == [message_id]
