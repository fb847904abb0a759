"""What happens to customers and to the fleet is told with who and why, in order, and once."""

from typing import Any

import psycopg
from aiohttp import web

from support.client import Client
from support.event_log import EventLog
from support.instances import Launcher
from support.receiver import Receiver, accept, running_receiver
from support.waiting import eventually
from support.whole_sendoff import add_customer


def of(events: EventLog, kind: str) -> list[dict[str, Any]]:
    """The events of a kind that arrived."""
    return [event for event in events.arrived if event["type"] == f"sendoff.{kind}"]


def told(events: EventLog, subject: str) -> list[str]:
    """What arrived of a customer or of the fleet, in order."""
    return [event["type"].removeprefix("sendoff.") for event in events.arrived if event["subject"] == subject]


async def test_a_pause_by_a_person_and_a_stop_are_told_with_who_and_why(
    launch: Launcher, events: EventLog, api: Client, receiver: Receiver
) -> None:
    publisher = launch.ingest()
    await eventually(events.exist, "the streams are there")
    add_customer(api, receiver, "acme")
    for path, body in (
        ("/v1/customers/acme/pause", {"reason": "their maintenance"}),
        ("/v1/customers/acme/pause", {"reason": "once more, which changes nothing"}),
        ("/v1/customers/acme/resume", {}),
        ("/v1/scheduler/stop", {"reason": "an update"}),
    ):
        assert api.call("POST", path, body).status < 300
    await events.holds(3)
    publisher.kill()
    assert api.call("POST", "/v1/scheduler/start").status == 202  # while nobody publishes
    launch.ingest()
    await events.holds(4)
    assert told(events, "acme") == ["customer.paused", "customer.resumed"]
    assert told(events, "fleet") == ["fleet.stopped", "fleet.started"]
    (paused,) = of(events, "customer.paused")
    assert paused["data"] | {"revision": 0} == {
        "customer": "acme",
        "reason": "their maintenance",
        "actor": "anonymous",
        "revision": 0,
    }
    assert of(events, "fleet.stopped")[0]["data"]["reason"] == "an update"
    kept = [event["id"] for event in await events.kept()]
    assert len(kept) == len(set(kept)) == 4


async def test_a_pause_by_a_webhook_that_is_gone_is_told(launch: Launcher, events: EventLog, api: Client) -> None:
    launch.ingest()
    await eventually(events.exist, "the streams are there")
    launch.worker()
    with running_receiver() as gone:
        gone.script = lambda received: web.Response(status=410)
        add_customer(api, gone, "acme")
        assert api.call("POST", "/v1/messages", {"to": "x", "content": "y", "customer": "acme"}).status == 202
        await eventually(lambda: told(events, "acme") == ["customer.paused"], "the pause is told")
    (paused,) = of(events, "customer.paused")
    assert paused["data"]["actor"] == "worker"
    assert paused["data"]["reason"] == "the webhook answered 410: it is gone"
    assert "requestedBy" in paused["data"]


async def test_a_breaker_is_told_when_it_opens_and_when_it_closes(
    launch: Launcher, events: EventLog, api: Client
) -> None:
    launch.ingest()
    await eventually(events.exist, "the streams are there")
    launch.worker()
    with running_receiver() as failing:
        failing.script = lambda received: web.Response(status=500)
        policy = {"enabled": True, "minimum": 3, "first": "200ms", "window": "1h"}
        add_customer(api, failing, "acme", breaker=policy, retry={"waits": ["100ms"] * 200})
        items = [{"to": "x", "content": "y", "customer": "acme"} for _ in range(10)]
        assert api.call("POST", "/v1/messages/batch", items).status == 202
        await eventually(lambda: told(events, "acme") == ["breaker.opened"], "the breaker is told open")
        failing.script = accept
        await eventually(
            lambda: told(events, "acme") == ["breaker.opened", "breaker.closed"], "it is told closed", timeout=60
        )
    (opened,) = of(events, "breaker.opened")
    assert opened["data"] == {"customer": "acme", "reason": "so many requests failed"}


async def test_what_was_told_leaves_no_row_behind(
    launch: Launcher, events: EventLog, api: Client, receiver: Receiver, sendoff_database: str
) -> None:
    launch.ingest()
    await eventually(events.exist, "the streams are there")
    add_customer(api, receiver, "acme")
    for _ in range(3):
        assert api.call("POST", "/v1/customers/acme/pause").status == 200
        assert api.call("POST", "/v1/customers/acme/resume").status == 200
    await events.holds(6)
    with psycopg.connect(sendoff_database, autocommit=True) as connection:

        def left() -> int:
            return connection.execute("SELECT count(*) FROM fleet_events").fetchall()[0][0]  # type: ignore[no-any-return]  # a count

        await eventually(lambda: left() <= 1, "all but the last one are gone")
