"""Dead letters and retries: listed, inspected, sent again, deleted; also when the message's partition is gone."""

from typing import Any

import pytest

from support.api import Api
from support.jobs import counts, done_by
from support.places import bury, retry_later, uuid_of


async def buried(api: Api, number: int, **fields: Any) -> list[dict[str, Any]]:
    """Dead letters, the oldest first."""
    messages = [await api.create(to=f"n{index}", **fields) for index in range(number)]
    for message in messages:
        await bury(api.db, message)
    return messages


async def drop_messages(api: Api) -> None:
    """What the retention does to partitions that nobody needs any more."""
    names = await api.db.execute(
        b"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'messages'::regclass"
    )
    for (name,) in await names.fetchall():
        await api.db.execute(f"DROP TABLE {name}".encode())


async def test_dead_letters_are_listed_page_by_page(api: Api) -> None:
    messages = await buried(api, 5)
    seen, cursor = [], ""
    while True:
        page = (await api.get(f"/v1/dead-letters?limit=2{cursor}")).json
        seen += [one["to"] for one in page["data"]]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert seen == [message["to"] for message in reversed(messages)]


async def test_dead_letters_can_be_filtered(api: Api) -> None:
    first, second = await buried(api, 2)
    expired = await api.create(to="late")
    await bury(api.db, expired, "expired")
    for query, wanted in {
        "to=n0": [first],
        "reason=expired": [expired],
        "reason=exhausted&customer=default": [second, first],
        "customer=other": [],
        "createdAfter=2042-01-01T00:00:00Z": [],
        f"createdBefore={first['createdAt']}": [],
    }.items():
        data = (await api.get(f"/v1/dead-letters?{query}")).json["data"]
        assert [one["id"] for one in data] == [one["id"] for one in wanted], query


async def test_a_dead_letter_tells_its_history(api: Api) -> None:
    (message,) = await buried(api, 1, content={"a": 1}, metadata={"k": "v"})
    letter = (await api.get(f"/v1/dead-letters/{message['id']}")).json
    assert (letter["content"], letter["metadata"], letter["reason"]) == ({"a": 1}, {"k": "v"}, "exhausted")
    assert (letter["attempts"], letter["lastError"]) == (1, "the webhook said 503")
    assert [(one["attempt"], one["statusCode"], one["errorClass"]) for one in letter["history"]] == [(1, 503, "status")]


async def test_a_dead_letter_is_sent_again_although_its_message_is_gone(api: Api) -> None:
    (message,) = await buried(api, 1, content={"a": 1})
    await drop_messages(api)
    assert (await api.get(f"/v1/messages/{message['id']}")).json["status"] == "dead"
    reply = await api.post(f"/v1/dead-letters/{message['id']}/resend")
    assert (reply.status, reply.json["id"], reply.json["status"]) == (202, message["id"], "scheduled")
    assert reply.json["content"] == {"a": 1}
    assert await api.count("dead_letters") == 0
    payload = await api.scalar("SELECT payload FROM due JOIN messages ON id = message_id")
    assert message["id"] in payload


async def test_a_deleted_dead_letter_is_gone(api: Api) -> None:
    (message,) = await buried(api, 1)
    path = f"/v1/dead-letters/{message['id']}"
    assert (await api.call("DELETE", path)).status == 204
    for method, suffix in (("GET", ""), ("DELETE", ""), ("POST", "/resend")):
        reply = await api.call(method, path + suffix)
        assert (reply.status, reply.json["code"]) == (404, "dead_letter_not_found")
    assert (await api.get(f"/v1/messages/{message['id']}")).status == 404


async def test_only_what_is_dead_is_a_dead_letter(api: Api) -> None:
    message = await api.create()
    for method, suffix in (("GET", ""), ("DELETE", ""), ("POST", "/resend")):
        assert (await api.call(method, f"/v1/dead-letters/{message['id']}{suffix}")).status == 404
    assert await api.count("due") == 1


async def test_many_are_counted_sent_again_and_purged_by_filters(api: Api) -> None:
    await buried(api, 3)
    only_one = {"to": "n1"}
    counted = await api.post("/v1/dead-letters/purge", only_one | {"dryRun": True})
    assert counted.json == {"matched": 1, "done": 0, "remaining": 1}
    assert await api.count("dead_letters") == 3
    assert counts(await done_by(api, "/v1/dead-letters/resend", only_one)) == (1, 1, 0)
    assert await api.scalar("SELECT recipient FROM due JOIN messages ON id = message_id") == "n1"
    assert counts(await done_by(api, "/v1/dead-letters/purge", {"all": True})) == (2, 2, 0)
    assert (await api.count("dead_letters"), await api.count("due")) == (0, 1)


REFUSED_SELECTIONS: list[tuple[dict[str, Any], str]] = [
    ({}, "/all"),
    ({"all": False}, "/all"),
    ({"dryRun": True}, "/all"),
    ({"all": 1}, "/all"),
    ({"all": "yes"}, "/all"),
    ({"reason": "exhausted", "dryRun": 0}, "/dryRun"),
    ({"reason": "exhausted", "dryRun": "true"}, "/dryRun"),
    ({"all": True, "customer": "default"}, "/all"),
    ({"customer": None}, "/customer"),
    ({"customer": None, "reason": "exhausted"}, "/customer"),
    ({"to": None, "all": True}, "/to"),
    ({"createdBefore": None}, "/createdBefore"),
    ({"all": None}, "/all"),
]


async def test_a_selection_that_selects_nothing_takes_nothing(api: Api, subtests: pytest.Subtests) -> None:
    await buried(api, 2)
    for selection, pointer in REFUSED_SELECTIONS:
        for path in ("/v1/dead-letters/purge", "/v1/dead-letters/resend"):
            with subtests.test(selection=selection, path=path):
                reply = await api.post(path, selection)
                assert (reply.status, reply.pointers) == (422, [pointer])
                assert "expected" in reply.json["detail"]
    assert (await api.count("dead_letters"), await api.count("due")) == (2, 0)


async def test_all_dead_letters_are_taken_when_the_request_says_all(api: Api) -> None:
    await buried(api, 2)
    counted = await api.post("/v1/dead-letters/resend", {"all": True, "dryRun": True})
    assert counted.json == {"matched": 2, "done": 0, "remaining": 2}
    assert counts(await done_by(api, "/v1/dead-letters/resend", {"all": True})) == (2, 2, 0)
    assert await api.count("due") == 2


async def test_retries_are_listed_the_next_one_first(api: Api) -> None:
    messages = [await api.create(to=f"n{index}") for index in range(5)]
    for message in messages:
        await retry_later(api.db, message)
    ids = [uuid_of(message) for message in messages]
    same = b"UPDATE retries SET next_attempt_at = (SELECT next_attempt_at FROM retries WHERE message_id = %s)"
    await api.db.execute(same + b" WHERE message_id = ANY(%s)", (ids[4], ids[2:]))
    await api.db.execute(b"UPDATE retries SET next_attempt_at = '2042-01-01' WHERE message_id = %s", (ids[0],))
    seen, cursor = [], ""
    while True:
        page = (await api.get(f"/v1/retries?limit=1{cursor}")).json
        seen += page["data"]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert [one["to"] for one in seen] == ["n1", "n2", "n3", "n4", "n0"]
    assert {one["attempts"] for one in seen} == {1}
    assert {one["lastError"]["class"] for one in seen} == {"status"}
    assert seen[4]["nextAttemptAt"].startswith("204")
    assert (await api.get("/v1/retries?status=dead")).status == 422
