"""Whose strategy a failing message follows, and what ends it, by real workers."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from aiohttp import web

from support.client import Client
from support.instances import Launcher
from support.receiver import Received, Receiver
from support.waiting import wait_until
from support.whole_sendoff import free_port

OWN = {"waits": ["100ms", "100ms"], "jitter": 0}


@pytest.fixture
def db(sendoff_database: str) -> Iterator["psycopg.Connection[Any]"]:
    """For what the API can't do."""
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        yield connection


def test_a_message_follows_its_own_strategy_and_its_neighbour_the_customers(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    receiver.answer(500)
    launch.worker(RETRY__ATTEMPTS="2")

    items = [
        {"to": "a", "content": 1, "retry": OWN},
        {"to": "b", "content": 2},
        {"to": "c", "content": 3, "retry": "once"},
    ]
    answer = api.call("POST", "/v1/messages/batch", items)
    own, plain, once = [item["id"] for item in answer.body["data"]]

    attempts = [api.wait_for(message_id, "dead")["attempts"] for message_id in (own, plain, once)]
    assert attempts == [len(receiver.of(message_id)) for message_id in (own, plain, once)] == [3, 2, 1]
    first, second, third = receiver.of(own)
    assert min(second.arrived_at - first.arrived_at, third.arrived_at - second.arrived_at) >= 0.1
    assert receiver.of(plain)[1].arrived_at - receiver.of(plain)[0].arrived_at >= 0.2


@pytest.mark.parametrize("is_gone", [False, True], ids=["body there", "partition dropped"])
def test_a_dead_letter_is_sent_again_by_the_strategy_of_its_message(
    launch: Launcher, api: Client, receiver: Receiver, db: "psycopg.Connection[Any]", is_gone: bool
) -> None:
    receiver.answer(500)
    launch.worker(RETRY__ATTEMPTS="1")
    message_id = api.send(retry=OWN)
    api.wait_for(message_id, "dead")
    if is_gone:
        drop_messages(db)

    assert api.call("POST", f"/v1/dead-letters/{message_id}/resend").body["retry"] == OWN
    message = api.wait_for(message_id, "dead")

    assert message["attempts"] == 3
    assert [request.attempt for request in receiver.of(message_id)] == [1, 2, 3] * 2


def drop_messages(db: "psycopg.Connection[Any]") -> None:
    """What the retention does to partitions that nobody needs any more."""
    names = db.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'messages'::regclass")
    for (name,) in names.fetchall():
        db.execute(f"DROP TABLE {name}".encode())


def test_a_changed_strategy_of_a_customer_counts_also_for_what_has_failed_already(
    launch: Launcher, api: Client, receiver: Receiver, db: "psycopg.Connection[Any]"
) -> None:
    receiver.answer(500)
    # An open breaker would let one request through now and then, which may be the other's, or not in time.
    db.execute("""UPDATE customers SET breaker = '{"enabled": false}' WHERE id = 'default'""")
    launch.worker(RETRY__ATTEMPTS="1000", RETRY__FACTOR="1", BREAKER__ENABLED="false")
    plain, own = api.send(), api.send(retry={"attempts": 1000, "first": "200ms", "factor": 1})
    wait_until(lambda: min(len(receiver.of(plain)), len(receiver.of(own))) >= 2, "both are retried")

    db.execute("""UPDATE customers SET retry = '{"attempts": 2}' WHERE id = 'default'""")
    api.wait_for(plain, "dead")
    seen = len(receiver.of(own))

    assert api.call("GET", f"/v1/dead-letters/{plain}").body["reason"] == "exhausted"
    wait_until(lambda: len(receiver.of(own)) > seen, "the other goes on by its own strategy")


def test_a_strategy_that_cannot_be_read_gives_way_to_the_customers(
    launch: Launcher, api: Client, receiver: Receiver, db: "psycopg.Connection[Any]"
) -> None:
    receiver.answer(500)
    strange, plain = [api.send(retry=retry, delay="1s") for retry in ("once", None)]
    statement = """UPDATE messages SET retry = '{"curve": "steep"}' WHERE id = %s"""
    db.execute(statement, (UUID(strange.removeprefix("msg_")),))
    worker = launch.worker()

    assert [api.wait_for(one, "dead")["attempts"] for one in (strange, plain)] == [3, 3]
    assert "strategy can't be read" in worker.log.read_text()


def test_a_wait_that_the_receiver_asks_for_ends_at_the_expiry(
    launch: Launcher, api: Client, receiver: Receiver
) -> None:
    receiver.answer(503, headers={"Retry-After": "3600"})
    launch.worker()
    expiring = api.send(expiresAt=(datetime.now(UTC) + timedelta(minutes=5)).isoformat(), retry=OWN)
    staying = api.send(retry=OWN)

    assert api.wait_for(expiring, "dead")["attempts"] == 1
    assert api.call("GET", f"/v1/dead-letters/{expiring}").body["reason"] == "expired"
    waiting = api.wait_for(staying, "retrying")
    (retry,) = api.call("GET", "/v1/retries").body["data"]
    wait = datetime.fromisoformat(retry["nextAttemptAt"]) - datetime.fromisoformat(waiting["lastError"]["at"])
    assert timedelta(hours=1) <= wait < timedelta(hours=1, minutes=1)


def test_a_date_in_retry_after_is_waited_for(launch: Launcher, api: Client, receiver: Receiver) -> None:
    date = (datetime.now(UTC) + timedelta(seconds=6)).replace(microsecond=0)
    receiver.answer(404, headers={"Retry-After": format_datetime(date, usegmt=True)})
    launch.worker()
    message_id = api.send(retry=OWN)

    wait_until(lambda: len(receiver.of(message_id)) == 2, "the second attempt came", timeout=30)

    first, second = receiver.of(message_id)[:2]
    assert first.arrived_at < date.timestamp() <= second.arrived_at


#: What the attempts say, by what is wrong with a webhook.
FAILURES = {
    "302": ("redirect", 302),
    "404": ("status", 404),
    "503": ("status", 503),
    "silent": ("timeout", None),
    "refused": ("connection_refused", None),
    "nameless": ("dns", None),
    "insecure": ("tls", None),
    "forbidden": ("forbidden_address", None),
}


def test_the_failures_of_webhooks_are_told_apart(
    launch: Launcher, api: Client, receiver: Receiver, db: "psycopg.Connection[Any]"
) -> None:
    async def script(received: Received) -> web.StreamResponse:
        if received.message["to"] == "silent":
            await asyncio.get_running_loop().create_future()
        return web.Response(status=int(received.message["to"]))

    receiver.script = script
    launch.worker()
    elsewhere = {
        "refused": f"http://127.0.0.1:{free_port()}/",
        "nameless": "http://nobody.invalid/",
        "insecure": receiver.url.replace("http:", "https:"),
        "forbidden": "http://10.0.0.1/",
    }
    for failure in FAILURES:
        values = (failure, failure, elsewhere.get(failure, receiver.url))
        db.execute(
            "INSERT INTO customers (id, name, webhook_url, timeout_ms, connect_timeout_ms, retry)"
            " VALUES (%s, %s, %s, 3000, 3000, '{}')",
            values,
        )

    ids = {failure: api.send(failure, customer=failure, retry="once") for failure in FAILURES}

    found = {}
    for failure, message_id in ids.items():
        api.wait_for(message_id, "dead")
        (attempt,) = api.call("GET", f"/v1/messages/{message_id}/attempts").body["data"]
        found[failure] = (attempt["errorClass"], attempt["statusCode"])
    assert found == FAILURES
