"""Every operation of the OpenAPI document: without a key, with the wrong scope, with the key of another customer."""

import asyncio
import json
import re
import secrets
from typing import Any

import pytest

from sendoff_domain.access import Scope
from sendoff_http.app import OPERATIONS
from sendoff_http.web.openapi import describe_api
from support.api import Api, Reply, api_settings, running_api
from support.jobs import counts, done_by

#: (method, path, what is promised of it) of the document that a server with keys gives.
DOCUMENT: dict[str, Any] = json.loads(json.dumps(describe_api(OPERATIONS)))
TABLE = [
    (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
OPEN = {"GET /health/live", "GET /health/ready", "GET /openapi.json", "GET /asyncapi.json"}
#: What is about all customers at once, so that no key of one customer may do it.
OF_FLEET = {"GET /v1/scheduler", "GET /v1/stats", "GET /metrics", "POST /v1/customers"}

SECRET = "the-secret-of-the-test-{}".format
KEYS = [
    {"name": "root", "secret": SECRET("root"), "role": "admin"},
    {"name": "stranger", "secret": SECRET("stranger"), "role": "admin", "customer": "stranger"},
    *({"name": scope.replace(":", "-"), "secret": SECRET(scope), "scopes": [scope]} for scope in Scope),
]


def headers(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {SECRET(name)}"}


def scopes_of(operation: dict[str, Any]) -> set[str]:
    """The scopes of which one is needed, as the document says."""
    return {scope for way in operation["security"] for scopes in way.values() for scope in scopes}


def filled(path: str, some_id: str = "msg_" + "0" * 32) -> str:
    return re.sub(r"{[a-z_]+}", some_id, path)


@pytest.fixture
async def api(database: str) -> Any:
    async with running_api(api_settings(database, http={"apiKeys": KEYS})) as running:
        yield running


def test_the_document_says_which_operations_are_open_and_which_scopes_the_others_need() -> None:
    assert len(TABLE) > 35
    open_ones = {f"{method} {path}" for method, path, operation in TABLE if not operation["security"]}
    assert open_ones == OPEN
    for method, path, operation in TABLE:
        if f"{method} {path}" not in OPEN:
            assert scopes_of(operation) <= {*Scope}
            assert {next(iter(way)) for way in operation["security"]} == {"bearer", "apiKey"}
            assert {"401", "403", "429"} <= set(operation["responses"])


async def test_without_a_key_only_what_is_open_answers(api: Api) -> None:
    for method, path, _ in TABLE:
        reply = await api.call(method, filled(path))
        assert (reply.status == 401) != (f"{method} {path}" in OPEN), (method, path, reply.status)
        assert reply.headers.get("WWW-Authenticate", "").startswith("Bearer") == (reply.status == 401)


async def test_with_the_wrong_scope_every_operation_is_refused(api: Api) -> None:
    for method, path, operation in TABLE:
        needed = scopes_of(operation)
        for scope in set(Scope) - needed - {Scope.ADMIN} if needed else ():
            reply = await api.call(method, filled(path), headers=headers(scope))
            assert (reply.status, reply.json["code"], set(reply.json["scopes"])) == (403, "missing_scope", needed)


async def test_what_is_about_all_customers_is_not_for_a_key_of_one(api: Api) -> None:
    for method, path, _ in TABLE:
        reply = await api.call(method, filled(path), headers=headers("stranger"))
        is_refused = reply.status == 403 and reply.json["code"] == "bound_key"
        of_fleet = f"{method} {path}" in OF_FLEET or path.endswith(("/start", "/stop"))
        assert is_refused == of_fleet, (method, path, reply.body)


async def foreign_things(api: Api) -> dict[str, list[str]]:
    """10,000 messages and 100 dead letters of the customer acme, its key, and what was written down of it."""
    for customer in ("acme", "stranger"):
        new = {"id": customer, "webhookUrl": "https://93.184.216.34/"}
        assert (await api.post("/v1/customers", new, headers=headers("root"))).status == 201
    new = {"name": "theirs", "role": "viewer", "customer": "acme"}
    key = (await api.post("/v1/keys", new, headers=headers("root"))).json["id"]
    message = {"content": "hushed", "customer": "acme", "delay": "1d", "metadata": {"k": "v"}, "reference": "r1"}
    items = [{"to": f"foreign-{number}", **message} for number in range(10_000)]
    halves = [items[:5_000], items[5_000:]]
    replies = [await api.post("/v1/messages/batch", half, headers=headers("root")) for half in halves]
    messages = [item["id"] for reply in replies for item in reply.json["data"]]
    await api.db.execute(
        b"INSERT INTO dead_letters SELECT id, customer_id, recipient, payload, deliver_at, NULL, created_at, NULL,"
        b" now(), 'exhausted', 1, 0, 1, 'hushed', '[]', incarnation, NULL, reference FROM messages"
        b" ORDER BY id LIMIT 100"
    )
    await api.db.execute(
        b"WITH dead AS (DELETE FROM due WHERE message_id IN (SELECT message_id FROM dead_letters)),"
        b" chosen AS (SELECT message_id, customer_id, incarnation FROM due ORDER BY message_id DESC LIMIT 100),"
        b" moved AS (DELETE FROM due WHERE message_id IN (SELECT message_id FROM chosen))"
        b" INSERT INTO retries SELECT message_id, customer_id, now() + interval '1 d', 1, 0, 1, incarnation FROM chosen"
    )
    order = {"customer": "acme", "hold": True}
    job = (await api.post("/v1/messages/cancel", order, headers=headers("root"))).json["id"]
    letters = sorted(messages)[:100]
    return {"messages": messages, "dead_letters": letters, "customers": ["acme"], "keys": [key], "jobs": [job]}


def nothing_foreign(reply: Reply, things: dict[str, list[str]]) -> None:
    """The answer holds no id, name or content of another customer."""
    text = reply.body.decode()
    assert not re.search("acme|foreign-|hushed", text), text
    assert not set(re.findall(r"(?:msg|key|job)_[0-9a-f]{32}", text)) & {one for ids in things.values() for one in ids}


def ids_for(path: str, things: dict[str, list[str]]) -> list[str]:
    """The foreign ids that a path can name."""
    return things[path.split("/")[2].replace("-", "_")] if "{id}" in path else []


async def places(api: Api) -> list[Any]:
    """How many rows there are of what a stranger might have changed."""
    tables = ("due", "retries", "dead_letters", "cancellations", "messages", "customers", "api_keys")
    states = "SELECT count(*) FROM control_state WHERE desired = 'stopped' OR scope <> 'global'"
    live = "SELECT count(*) FROM api_keys WHERE revoked_at IS NULL"
    return [*[await api.count(table) for table in tables], await api.scalar(states), await api.scalar(live)]


async def refused(api: Api, method: str, path: str, foreign: str) -> Any:
    """This operation does not find what is another customer's, nor tells of it; returns what it says of this id."""
    reply = await tried_by_a_stranger(api, method, path, foreign)
    assert reply.status == 404, (method, path, reply.body)
    text = reply.body.decode().replace(foreign, "")
    assert not re.search("acme|foreign-|hushed", text), text
    return json.loads(reply.body.replace(foreign.encode(), b"?")) | {"requestId": ""}


def unlike(foreign: str) -> str:
    """An id of the same form that nothing has."""
    return foreign[:-4] + "beef" if "_" in foreign else "nobody"


async def tried_by_a_stranger(api: Api, method: str, path: str, foreign: str) -> Reply:
    body = {"deliverAt": "2999-01-01T00:00:00Z"} if method == "PATCH" and "messages" in path else {}
    given = {"json": body} if method in ("POST", "PATCH") and not path.endswith(("resend", "test")) else {}
    url = path.replace("{id}", foreign)
    return await api.call(method, url, headers=headers("stranger"), checked=False, **given)


@pytest.mark.timeout(600)
async def test_the_key_of_one_customer_finds_none_of_10000_things_of_another(api: Api) -> None:
    things = await foreign_things(api)
    before = await places(api)
    for method, path, _ in TABLE:
        found = ids_for(path, things)
        # Each thing is read by itself; what changes one, or tells more of it, is tried on some of them.
        tried = found if (method, path) == ("GET", "/v1/messages/{id}") else found[:20]
        for start in range(0, len(tried), 50):
            said = await asyncio.gather(*(refused(api, method, path, one) for one in tried[start : start + 50]))
            unknown = await refused(api, method, path, unlike(tried[start]))
            assert all(each == unknown for each in said), (method, path)
    assert await places(api) == before


LISTS = [path for method, path, _ in TABLE if method == "GET" and "{" not in path and path.startswith("/v1/")]


async def test_no_list_shows_the_key_of_one_customer_anything_of_another(api: Api) -> None:
    things = await foreign_things(api)
    statuses = [f"/v1/messages?status={status}" for status in ("scheduled", "retrying", "dead", "sent", "sending")]
    more = [*statuses, "/v1/messages?to=foreign-1", "/v1/messages?sentAfter=2020-01-01T00:00:00Z"]
    more += ["/v1/messages?metadata.k=v", "/v1/messages?reference=r1", "/v1/dead-letters?reference=r1"]
    more += [f"/v1/{noun}?customer=acme" for noun in ("messages", "retries", "dead-letters", "keys", "audit")]
    for url in [*LISTS, *more]:
        reply = await api.get(url, headers=headers("stranger"))
        if url in ("/v1/customers", "/v1/audit"):
            assert [one["id"] if "webhookUrl" in one else one["target"] for one in reply.json["data"]] == ["stranger"]
        elif reply.status == 200:
            assert reply.json.items() <= {"data": [], "nextCursor": None, "searchedTo": None}.items(), url
        nothing_foreign(reply, things)


async def test_no_bulk_reaches_the_dead_letters_of_another(api: Api) -> None:
    await foreign_things(api)
    before = await places(api)
    for path in ("/v1/dead-letters/purge", "/v1/dead-letters/resend"):
        for selection in ({"all": True}, {"customer": "acme"}, {"reason": "exhausted"}, {"to": "foreign-1"}):
            job = await done_by(api, path, selection, headers=headers("stranger"))
            assert (counts(job), job["customer"]) == ((0, 0, 0), "stranger")
    assert await places(api) == before
    assert counts(await done_by(api, "/v1/dead-letters/purge", {"all": True}, headers=headers("root"))) == (100, 100, 0)
    for path in ("/v1/messages/cancel", "/v1/messages/reschedule"):
        for selection in ({"all": True}, {"customer": "acme"}, {"status": "scheduled"}):
            change = {"shift": "1h"} if path.endswith("reschedule") else {}
            job = await done_by(api, path, {**selection, **change}, headers=headers("stranger"))
            assert counts(job) == (0, 0, 0)
    assert await places(api) == [*before[:2], 0, *before[3:]]


async def test_a_message_of_a_key_of_one_customer_is_that_customers(api: Api) -> None:
    await foreign_things(api)
    message = {"to": "a", "content": 1}
    for given in (message, {**message, "customer": "stranger"}):
        reply = await api.post("/v1/messages", given, headers=headers("stranger"))
        assert (reply.status, reply.json["customer"]) == (202, "stranger")
    refusals = []
    for customer in ("acme", "default", "nobody"):
        refused = await api.post("/v1/messages", {**message, "customer": customer}, headers=headers("stranger"))
        assert (refused.status, refused.pointers) == (422, ["/customer"])
        refusals.append(refused.json["detail"].replace(customer, "?"))
    assert len(set(refusals)) == 1
    own, foreign = {**message, "customer": "stranger"}, {**message, "customer": "acme"}
    items = [message, foreign, {**own, "retry": None}, {**foreign, "retry": None}]  # some the long way, some the short
    batch = (await api.post("/v1/messages/batch", items, headers=headers("stranger"))).json["data"]
    assert ["error" in item for item in batch] == [False, True, False, True]
    assert await api.scalar("SELECT count(*) FROM messages WHERE customer_id = 'stranger'") == 4


async def test_the_idempotency_keys_of_customers_are_apart(api: Api) -> None:
    await foreign_things(api)
    message, key = {"to": "a", "content": 1}, {"Idempotency-Key": "one"}
    theirs = await api.post("/v1/messages", {**message, "customer": "acme"}, headers={**headers("root"), **key})
    own = await api.post("/v1/messages", message, headers={**headers("stranger"), **key})
    again = await api.post("/v1/messages", message, headers={**headers("stranger"), **key})
    assert (own.status, again.status) == (202, 202)
    assert theirs.json["id"] != own.json["id"] == again.json["id"]


async def test_a_key_of_one_customer_stops_that_customer_and_no_other(api: Api) -> None:
    await foreign_things(api)
    command = {"scope": "acme", "commandId": "one"}
    assert (await api.post("/v1/scheduler/stop", command, headers=headers("root"))).json["status"] == "accepted"
    for scope, status in (("global", 403), ("acme", 422), ("nobody", 422), ("stranger", 202)):
        command = {"scope": scope, "commandId": "one"}
        reply = await api.post("/v1/scheduler/stop", command, headers=headers("stranger"))
        assert reply.status == status, reply.body
    assert (reply.json["scope"], reply.json["status"], reply.json["commandId"]) == ("stranger", "accepted", "one")
    again = await api.post("/v1/scheduler/stop", command, headers=headers("stranger"))
    assert (again.json["scope"], again.json["status"]) == ("stranger", "duplicate")


async def test_a_key_of_one_customer_makes_keys_of_that_customer_only(api: Api) -> None:
    await foreign_things(api)
    new = {"name": secrets.token_hex(4), "role": "viewer"}
    own = await api.post("/v1/keys", new, headers=headers("stranger"))
    assert (own.status, own.json["customer"]) == (201, "stranger")
    for customer in ("acme", "nobody"):
        reply = await api.post("/v1/keys", {**new, "customer": customer}, headers=headers("stranger"))
        assert (reply.status, reply.pointers) == (422, ["/customer"])
