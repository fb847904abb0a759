"""Customers of their own webhooks: signed with their own secrets, changed while messages flow."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from support.client import Client
from support.instances import Launcher
from support.receiver import Receiver, running_receiver
from support.waiting import wait_until

#: From the answer to a change until every process uses it (seconds).
LATEST = 2.0
#: What a busy machine may add between the start of a request and its arrival (seconds).
SLACK = 1.0


@pytest.fixture
def other() -> Iterator[Receiver]:
    """The webhook of another customer."""
    with running_receiver() as running:
        yield running


def create(api: Client, **fields: Any) -> dict[str, Any]:
    answer = api.call("POST", "/v1/customers", fields)
    assert answer.status == 201, answer
    customer: dict[str, Any] = answer.body
    return customer


def test_a_message_goes_to_its_own_customers_webhook_with_its_own_signature(
    launch: Launcher, api: Client, receiver: Receiver, other: Receiver
) -> None:
    launch.worker()
    assert api.call("POST", "/v1/messages", {"to": "a", "content": "b", "customer": "acme"}).status == 422
    acme = create(api, id="acme", webhookUrl=other.url, headers={"X-Team": "parcels"})
    umbrella = create(api, id="umbrella", webhookUrl=other.url)
    ids = {name: api.send(customer=name) for name in ("acme", "umbrella", "default")}
    for message_id in ids.values():
        api.wait_for(message_id, "sent")

    assert receiver.ids() == {ids["default"]: 1}
    assert other.ids() == {ids["acme"]: 1, ids["umbrella"]: 1}
    (request,) = other.of(ids["acme"])
    assert request.headers["x-team"] == "parcels"
    assert Webhook(acme["secret"]).verify(request.body, request.headers)["id"] == ids["acme"]
    with pytest.raises(WebhookVerificationError):
        Webhook(umbrella["secret"]).verify(request.body, request.headers)
    assert "x-team" not in other.of(ids["umbrella"])[0].headers


def test_a_change_is_used_by_every_worker_process_within_two_seconds(
    launch: Launcher, api: Client, receiver: Receiver, other: Receiver
) -> None:
    launch.instance("one", processes=2)
    launch.instance("two", processes=2)
    wait_until(lambda: len(api.call("GET", "/v1/scheduler").body["instances"]) == 3, "all instances have joined")
    create(api, id="acme", webhookUrl=receiver.url, headers={"x-round": "1"})
    first = api.send_many(200, customer="acme")
    wait_until(lambda: len(receiver.ids()) == len(first), "every process has sent for the customer")

    change = {"webhookUrl": other.url, "headers": {"x-round": "2"}}
    assert api.call("PATCH", "/v1/customers/acme", change).status == 200
    changed_at = time.time()
    # All the time messages flow, so that no process reads anew for want of work.
    while time.time() < changed_at + LATEST + SLACK + 1:
        api.send_many(40, customer="acme")

    sent = [*receiver.received, *other.received]
    late = [one for one in sent if one.arrived_at > changed_at + LATEST + SLACK]
    assert len(late) > 40
    assert {one.headers["x-round"] for one in late} == {"2"}
    assert [one for one in receiver.received if one.arrived_at > changed_at + LATEST + SLACK] == []


def test_a_paused_customers_messages_wait_and_go_out_when_it_is_resumed(
    launch: Launcher, api: Client, receiver: Receiver, other: Receiver
) -> None:
    launch.worker()
    create(api, id="acme", webhookUrl=other.url)
    assert api.call("POST", "/v1/customers/acme/pause", {"reason": "a test"}).body["paused"] is True
    held, free = api.send(customer="acme"), api.send()
    api.wait_for(free, "sent")
    assert (api.message(held)["status"], other.received) == ("scheduled", [])

    assert api.call("POST", "/v1/customers/acme/resume").body["paused"] is False
    assert api.wait_for(held, "sent")["attempts"] == 1


def test_during_a_rotation_both_secrets_verify(launch: Launcher, api: Client, other: Receiver) -> None:
    launch.worker()
    old = create(api, id="acme", webhookUrl=other.url)["secret"]
    before = api.send(customer="acme")
    api.wait_for(before, "sent")
    new = api.call("POST", "/v1/customers/acme/rotate-secret", {"grace": "1h"}).body["secret"]

    def signed_by_both() -> bool:
        (request,) = other.of(api.wait_for(api.send(customer="acme"), "sent")["id"])
        return len(request.headers["webhook-signature"].split()) == 2

    wait_until(signed_by_both, "the worker signs with both keys", timeout=LATEST + SLACK)
    request = other.received[-1]
    for secret in (old, new):
        Webhook(secret).verify(request.body, request.headers)
