"""What is kept of a deleted customer stays its own: whoever gets its id next sees, sends and repeats nothing of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.api import Api, Reply, api_settings, running_api
from support.customers import create
from support.jobs import counts, done_by
from support.places import bury, deliver, retry_later

ROOT = {"X-API-Key": "the-secret-of-the-root-of-it-all"}
KEYS = [{"name": "root", "secret": ROOT["X-API-Key"], "role": "admin"}]
KEY = {"Idempotency-Key": "once"}


@pytest.fixture
async def api(database: str) -> AsyncIterator[Api]:
    """A server whose keys are asked for, so that some can be bound to a customer."""
    async with running_api(api_settings(database, http={"apiKeys": KEYS})) as running:
        running.session.headers.update(ROOT)
        yield running


async def bound_key(api: Api) -> dict[str, str]:
    """The headers with a new key of acme that may do everything."""
    reply = await api.post("/v1/keys", {"name": "own", "role": "admin", "customer": "acme"})
    assert reply.status == 201, reply.body
    return {"X-API-Key": reply.json["secret"]}


async def hand_over(api: Api) -> dict[str, str]:
    """Acme is deleted and another customer gets its id; returns the headers with a key of the new one."""
    deleted = await api.call("DELETE", "/v1/customers/acme")
    assert deleted.status == 204, deleted.body
    await create(api, id="acme")
    return await bound_key(api)


async def left_behind(api: Api) -> dict[str, dict[str, Any]]:
    """A message of acme in each place that a deletion leaves alone."""
    await create(api, id="acme")
    left = {place: await api.create(to=place, customer="acme") for place in ("sent", "dead", "cancelled")}
    await deliver(api.db, left["sent"])
    await bury(api.db, left["dead"])
    assert (await api.call("DELETE", f"/v1/messages/{left['cancelled']['id']}")).status == 204
    return left


async def ids(api: Api, path: str, headers: dict[str, str]) -> list[str]:
    reply = await api.get(path, headers=headers)
    assert reply.status == 200, reply.body
    return [one["id"] for one in reply.json["data"]]


async def test_the_next_customer_of_the_id_sees_no_message_of_the_first(api: Api) -> None:
    left = await left_behind(api)
    new = await hand_over(api)
    own = await api.create(to="own", customer="acme")
    for query in ("", "?customer=acme", "?status=sent", "?status=dead", "?status=cancelled", "?to=dead", "?to=sent"):
        found = await ids(api, f"/v1/messages{query}", new)
        assert found == ([own["id"]] if query in ("", "?customer=acme") else []), query
    for path in ("/v1/dead-letters", "/v1/retries"):
        assert await ids(api, path, new) == []
    for message in left.values():
        for path in ("", "/attempts", "/explain"):
            assert (await api.get(f"/v1/messages/{message['id']}{path}", headers=new)).status == 404
    assert (await api.get(f"/v1/dead-letters/{left['dead']['id']}", headers=new)).status == 404


async def test_the_next_customer_of_the_id_changes_no_message_of_the_first(api: Api) -> None:
    left = await left_behind(api)
    new = await hand_over(api)
    for message in left.values():
        for method, path in (
            ("POST", f"/v1/messages/{message['id']}/resend"),
            ("DELETE", f"/v1/messages/{message['id']}"),
            ("POST", f"/v1/dead-letters/{message['id']}/resend"),
            ("DELETE", f"/v1/dead-letters/{message['id']}"),
        ):
            assert (await api.call(method, path, headers=new)).status == 404, (method, path)
    for action in ("resend", "purge"):
        assert counts(await done_by(api, f"/v1/dead-letters/{action}", {"all": True}, headers=new)) == (0, 0, 0)
    assert await ids(api, "/v1/dead-letters", ROOT) == [left["dead"]["id"]]


@pytest.mark.parametrize("selection", [{"customer": "acme"}, {"all": True}, {"reason": "exhausted"}])
async def test_a_bulk_resend_leaves_the_dead_letters_of_a_deleted_customer_alone(
    api: Api, selection: dict[str, Any]
) -> None:
    await left_behind(api)
    await hand_over(api)
    own = await api.create(customer="acme")
    await bury(api.db, own)
    assert counts(await done_by(api, "/v1/dead-letters/resend", selection)) == (1, 1, 0)
    assert await api.scalar("SELECT array_agg(replace(message_id::text, '-', '')) FROM due") == [own["id"][4:]]


@pytest.mark.parametrize("again", [False, True], ids=["nobody has its id", "another one has its id"])
async def test_a_message_of_a_deleted_customer_is_not_sent_again(api: Api, again: bool) -> None:
    left = await left_behind(api)
    assert (await api.call("DELETE", "/v1/customers/acme")).status == 204
    if again:
        await create(api, id="acme")
    paths = [f"/v1/messages/{message['id']}/resend" for message in left.values()]
    for path in (*paths, f"/v1/dead-letters/{left['dead']['id']}/resend"):
        refused = await api.post(path)
        assert (refused.status, refused.json["code"]) == (409, "customer_gone"), refused.body
    assert await api.count("due") == 0


async def test_a_person_finds_and_purges_the_dead_letters_of_a_customer_that_was_deleted(api: Api) -> None:
    left = await left_behind(api)
    assert (await api.call("DELETE", "/v1/customers/acme")).status == 204
    assert await ids(api, "/v1/dead-letters?customer=acme", ROOT) == [left["dead"]["id"]]
    assert len(await ids(api, "/v1/messages?customer=acme", ROOT)) == 3
    assert counts(await done_by(api, "/v1/dead-letters/purge", {"customer": "acme"})) == (1, 1, 0)


async def test_an_idempotency_key_of_the_first_customer_does_not_answer_the_next(api: Api) -> None:
    await create(api, id="acme")
    message = {"to": "a", "content": "the first one's", "customer": "acme"}
    first = await api.post("/v1/messages", message, headers=KEY)
    await deliver(api.db, first.json)
    new = {**await hand_over(api), **KEY}
    same = await api.post("/v1/messages", message, headers=new)
    assert same.status == 202
    assert same.json["id"] != first.json["id"]
    assert "Idempotency-Replayed" not in same.headers
    other = await api.post("/v1/messages", {**message, "content": "another"}, headers=new)
    assert other.status == 422, "now the key is the next one's own"


async def test_a_key_of_the_first_customer_is_gone_at_once(api: Api) -> None:
    await create(api, id="acme")
    old = await bound_key(api)
    assert (await api.get("/v1/messages", headers=old)).status == 200
    await hand_over(api)
    assert (await api.get("/v1/messages", headers=old)).status == 401


async def test_the_audit_of_the_first_customer_is_not_shown_to_the_next(api: Api) -> None:
    left = await left_behind(api)
    await api.post("/v1/customers/acme/pause", {"reason": "the first one's"})
    new = await hand_over(api)
    assert (await api.call("DELETE", f"/v1/dead-letters/{left['dead']['id']}")).status == 204
    await api.post("/v1/customers/acme/pause", {"reason": "its own"}, headers=new)
    deeds = (await api.get("/v1/audit", headers=new)).json["data"]
    assert [deed["action"] for deed in deeds] == ["stop", "key.create", "customer.create"]
    assert deeds[0]["details"]["reason"] == "its own"
    everything = [deed["action"] for deed in (await api.get("/v1/audit?customer=acme")).json["data"]]
    assert everything.count("customer.create") == 2, "who may see all sees both"


async def test_a_command_of_the_first_customer_does_not_answer_for_the_next(api: Api) -> None:
    async def stop(headers: dict[str, str]) -> Reply:
        return await api.post("/v1/scheduler/stop", {"scope": "acme", "commandId": "one"}, headers=headers)

    await create(api, id="acme")
    assert (await stop(await bound_key(api))).json["status"] == "accepted"
    new = await hand_over(api)
    assert (await api.get("/v1/customers/acme", headers=new)).json["paused"] is False
    assert (await stop(new)).json["status"] == "accepted"


async def test_what_still_waits_of_the_first_customer_is_in_nobodys_way(api: Api) -> None:
    """It was accepted at the very moment of the deletion."""
    await create(api, id="acme")
    late = await api.create(customer="acme", delay="1h")
    retrying = await api.create(customer="acme")
    await retry_later(api.db, retrying)
    await api.db.execute(b"DELETE FROM customers WHERE id = 'acme'")
    await create(api, id="acme")
    new = await bound_key(api)
    for message in (late, retrying):
        for method, document in (("DELETE", None), ("PATCH", {"delay": "2h"}), ("GET", None)):
            reply = await api.call(method, f"/v1/messages/{message['id']}", json=document, headers=new)
            assert reply.status == 404, (method, reply.body)
    assert await ids(api, "/v1/retries", new) == []
    assert (await api.call("DELETE", "/v1/customers/acme")).status == 204
