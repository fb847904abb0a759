"""The same events come to a webhook, each as exactly one signed message, and cost nobody anything when it fails."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from aiohttp import web

from support.client import Client
from support.event_log import EventLog
from support.instances import Launcher, Process
from support.receiver import Receiver, accept, running_receiver
from support.waiting import eventually
from support.whole_sendoff import add_customer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def pager(launch: Launcher) -> Iterator[Receiver]:
    """The webhook of the fleet's events, whatever is started after it."""
    with running_receiver() as running:
        launch.environment |= {
            "SENDOFF_EVENTS__WEBHOOK__URL": running.url,
            "SENDOFF_EVENTS__WEBHOOK__SECRET": SECRET,
        }
        yield running


def heard(receiver: Receiver) -> list[dict[str, Any]]:
    """The events that came to a webhook."""
    return [one.message["content"] for one in receiver.received]


def send(api: Client, count: int, customer: str = "default", content: str = "fine") -> None:
    """Accept that many messages."""
    items = [{"to": "x", "content": content, "customer": customer} for _ in range(count)]
    assert api.call("POST", "/v1/messages/batch", items).status == 202


async def start(launch: Launcher, events: EventLog, api: Client) -> Process:
    """A worker, which makes the customer `events`, and then a publisher that has begun; gives the publisher."""
    launch.worker()
    if "SENDOFF_EVENTS__WEBHOOK__URL" in launch.environment:
        made = lambda: api.call("GET", "/v1/customers/events").status == 200  # noqa: E731  asked once
        await eventually(made, "the customer of the events is there")
    publisher = launch.ingest()
    await eventually(events.exist, "the streams are there")
    return publisher


async def test_each_event_is_one_message_of_the_webhook_though_the_publisher_dies(
    launch: Launcher, events: EventLog, pager: Receiver, api: Client, receiver: Receiver
) -> None:
    receiver.script = lambda got: web.json_response({}, status=500 if got.message["content"] == "bad" else 200)
    publisher = await start(launch, events, api)
    for count in (100, 400):
        send(api, 200)
        await events.holds(count // 2)
        publisher.kill()
        publisher = launch.ingest()
    send(api, 10, content="bad")
    await events.holds(400 + 30)
    await eventually(lambda: len(heard(pager)) >= 430, "the webhook has every event", timeout=60)
    published = {event["id"] for event in events.arrived}
    came = Counter(event["id"] for event in heard(pager))
    assert set(came) == published
    assert max(came.values()) == 1
    assert {one.message["to"] for one in pager.received} == {"sendoff.sent", "sendoff.retry", "sendoff.dead"}
    assert all(one.headers["webhook-signature"].startswith("v1,") for one in pager.received)
    assert len(await events.kept()) == 430  # nothing is told of the messages of the webhook itself


async def test_a_dead_event_that_is_sent_again_makes_no_event(
    launch: Launcher, events: EventLog, pager: Receiver, api: Client, receiver: Receiver
) -> None:
    pager.script = lambda _: web.json_response({}, status=500)
    await start(launch, events, api)
    send(api, 1)

    def dead() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = api.call("GET", "/v1/dead-letters?customer=events").body["data"]
        return found

    await eventually(lambda: len(dead()) == 1, "the event is a dead letter")
    pager.script = accept
    before = len(pager.received)
    assert api.call("POST", f"/v1/dead-letters/{dead()[0]['id']}/resend").status < 300
    await eventually(lambda: len(pager.received) == before + 1, "it was sent again")
    assert api.call("POST", "/v1/customers/events/pause", {"reason": "enough"}).status == 200
    assert api.call("POST", "/v1/customers/events/resume").status == 200
    await events.holds(3)
    assert [event["type"] for event in events.arrived] == [
        "sendoff.sent",
        "sendoff.customer.paused",
        "sendoff.customer.resumed",
    ]
    assert {event["id"] for event in heard(pager)} == {events.arrived[0]["id"]}


async def test_a_customer_of_events_gets_those_of_one_customer(
    launch: Launcher, events: EventLog, api: Client, receiver: Receiver
) -> None:
    await start(launch, events, api)
    add_customer(api, receiver, "acme")
    add_customer(api, receiver, "other")
    with running_receiver() as theirs:
        add_customer(api, theirs, "acme-events", eventsOf="acme")
        send(api, 5, "acme")
        send(api, 5, "other")
        await events.holds(10)
        assert api.call("POST", "/v1/customers/acme/pause").status == 200
        await events.holds(11)
        await eventually(lambda: len(heard(theirs)) >= 6, "the events came")
        assert {event["data"]["customer"] for event in heard(theirs)} == {"acme"}
        assert Counter(event["type"] for event in heard(theirs)) == {"sendoff.sent": 5, "sendoff.customer.paused": 1}
        assert await events.count() == 11


async def test_a_webhook_that_takes_nothing_holds_up_nobody(
    launch: Launcher, events: EventLog, pager: Receiver, api: Client, receiver: Receiver
) -> None:
    launch.environment["SENDOFF_EVENTS__WEBHOOK__BACKLOG"] = "20"
    await start(launch, events, api)
    assert api.call("POST", "/v1/customers/events/pause").status == 200
    for _ in range(4):
        send(api, 50)
        await asyncio.sleep(0.3)
    await events.holds(201)
    assert len(receiver.received) == 200
    waiting = api.call("GET", "/v1/messages?customer=events&limit=200").body["data"]
    assert 20 <= len(waiting) < 60  # a batch that arrives while the figures are fresh is cut exactly, too
    assert api.call("POST", "/v1/customers/events/resume").status == 200
    await eventually(lambda: len(heard(pager)) == len(waiting), "what waited came")


async def test_who_gets_events_is_decided_once(
    api: Client, pager: Receiver, receiver: Receiver, sendoff_database: str
) -> None:
    add_customer(api, receiver, "acme")
    add_customer(api, receiver, "acme-events", eventsOf="acme")
    hook = {"webhookUrl": receiver.url}
    for events_of in ("nobody", "acme-events"):
        answer = api.call("POST", "/v1/customers", {"id": "more", "eventsOf": events_of, **hook})
        assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/eventsOf")
    answer = api.call("PATCH", "/v1/customers/acme-events", {"eventsOf": None})
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/eventsOf")
    assert api.call("POST", "/v1/customers", {"id": "events", **hook}).status == 422
    refused = api.call("DELETE", "/v1/customers/acme")
    assert (refused.status, refused.body["code"]) == (409, "customer_in_use")
    assert api.call("DELETE", "/v1/customers/acme-events").status == 204
    assert api.call("DELETE", "/v1/customers/acme").status == 204
    with psycopg.connect(sendoff_database) as connection:
        assert connection.execute("SELECT id FROM customers ORDER BY id").fetchall() == [("default",)]
