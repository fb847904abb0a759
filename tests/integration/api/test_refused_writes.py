"""A database that refuses writes is a 503 with Retry-After at every door, and no traffic is sent here meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.api import Api, api_settings, running_api
from support.places import bury
from support.refusals import read_only, refusing
from support.servers import Servers
from support.waiting import eventually

#: Each operation that writes, with a body; {message}, {letter} and {customer} stand for ids.
WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/v1/messages", {"to": "a", "content": 1}),
    ("POST", "/v1/messages/batch", [{"to": "a", "content": 1}]),
    ("PATCH", "/v1/messages/{message}", {"delay": "10m"}),
    ("DELETE", "/v1/messages/{message}", None),
    ("POST", "/v1/messages/{letter}/resend", None),
    ("POST", "/v1/dead-letters/{letter}/resend", None),
    ("DELETE", "/v1/dead-letters/{letter}", None),
    ("POST", "/v1/dead-letters/resend", {"all": True}),
    ("POST", "/v1/dead-letters/purge", {"all": True}),
    ("POST", "/v1/messages/cancel", {"all": True, "hold": True}),
    ("POST", "/v1/messages/reschedule", {"all": True, "hold": True, "shift": "1h"}),
    ("POST", "/v1/jobs/{job}/resume", None),
    ("POST", "/v1/customers", {"name": "new", "webhookUrl": "http://127.0.0.1:9000/"}),
    ("PATCH", "/v1/customers/{customer}", {"name": "other"}),
    ("POST", "/v1/customers/{customer}/rotate-secret", None),
    ("POST", "/v1/customers/{customer}/pause", None),
    ("POST", "/v1/customers/{customer}/resume", None),
    ("DELETE", "/v1/customers/{customer}", None),
    ("POST", "/v1/scheduler/stop", None),
    ("POST", "/v1/scheduler/start", None),
    ("POST", "/v1/keys", {"name": "new", "scopes": ["messages:read"]}),
]


@pytest.fixture
async def open_api(sendoff_database: str) -> AsyncIterator[Api]:
    """An API whose customers may be called on this machine."""
    settings = api_settings(sendoff_database, security={"allowedNetworks": ["127.0.0.0/8"]})
    async with running_api(settings) as api:
        yield api


async def ids(api: Api) -> dict[str, str]:
    """A message that waits, a dead letter and a customer."""
    reply = await api.post("/v1/customers", {"name": "acme", "webhookUrl": "http://127.0.0.1:9000/"})
    assert reply.status == 201, reply.body
    letter, message = await api.create(), await api.create(delay="1h")
    await bury(api.db, letter)
    job = await api.post("/v1/dead-letters/purge", {"all": True, "hold": True})
    return {
        "message": message["id"],
        "letter": letter["id"],
        "customer": reply.json["id"],
        "job": job.json["id"],
    }


async def test_while_the_server_can_only_be_read_every_write_is_answered_with_503(
    open_api: Api, servers: Servers
) -> None:
    known = await ids(open_api)
    with read_only(servers.postgres):
        replies = await asyncio.gather(
            *(open_api.call(method, path.format(**known), json=body) for method, path, body in WRITES)
        )
    answered = {
        (method, path): (reply.status, "Retry-After" in reply.headers)
        for (method, path, _), reply in zip(WRITES, replies, strict=True)
    }
    assert answered == dict.fromkeys(answered, (503, True))


async def test_readiness_asks_whether_the_server_can_be_written(open_api: Api, servers: Servers) -> None:
    assert (await open_api.get("/health/ready")).status == 200
    with read_only(servers.postgres):
        reply = await open_api.get("/health/ready")
        assert (reply.status, reply.json["servers"]["postgres"]) == (503, "read-only")
        assert reply.headers["Retry-After"]
        assert (await open_api.get("/health/live")).status == 200

    async def is_ready() -> bool:
        return (await open_api.get("/health/ready")).status == 200

    await eventually(is_ready, "it can be written again")


@pytest.mark.parametrize("sqlstate", ["25006", "42501", "53100", "57P01", "26000", "42P05"])
async def test_a_write_has_patience_with_an_outage_that_passes(open_api: Api, sqlstate: str) -> None:
    known = await ids(open_api)
    writes = {
        "due": ("DELETE", f"/v1/messages/{known['message']}", None, 204),
        "messages": ("POST", "/v1/messages", {"to": "a", "content": 1}, 202),
        "customers": ("PATCH", f"/v1/customers/{known['customer']}", {"name": "other"}, 200),
        "control_commands": ("POST", "/v1/scheduler/stop", None, 202),
        "dead_letters": ("DELETE", f"/v1/dead-letters/{known['letter']}", None, 204),
        "jobs": ("POST", "/v1/messages/cancel", {"all": True}, 202),
    }
    for table, (method, path, body, status) in writes.items():
        async with refusing(open_api.db, table, sqlstate):
            asked = asyncio.create_task(open_api.call(method, path, json=body))
            await asyncio.wait({asked}, timeout=0.2)
            assert not asked.done(), f"{path} waits"
        assert (await asked).status == status, path


async def test_what_a_database_refuses_for_good_is_no_outage(open_api: Api) -> None:
    async with refusing(open_api.db, "messages", "P0001"):
        assert (await open_api.post("/v1/messages", {"to": "a", "content": 1})).status == 500


async def test_one_message_that_is_refused_fails_alone(open_api: Api) -> None:
    async with refusing(open_api.db, "messages", "54000", when="NEW.recipient = 'bad'"):
        items = [{"to": to, "content": 1} for to in ("good", "bad", "good")]
        reply = await open_api.post("/v1/messages/batch", items)
    assert [item.get("error", {}).get("status") for item in reply.json["data"]] == [None, 500, None]
