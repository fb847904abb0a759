"""Batches of several chunks: one transaction for all, whatever happens in the midst of it."""

import asyncio
import json
from typing import Any

from support.api import Api
from support.waiting import eventually

ITEMS = 2_500
KEY = {"Idempotency-Key": "import-7"}
JSON = {"Content-Type": "application/json"}


def items(count: int = ITEMS) -> list[dict[str, Any]]:
    return [{"to": f"n{number}", "content": number, "delay": "1h"} for number in range(count)]


async def stored(api: Api) -> list[int]:
    return [await api.count("messages"), await api.count("due")]


async def test_a_connection_that_breaks_in_the_midst_loses_and_doubles_nothing(api: Api) -> None:
    await api.db.execute(b"BEGIN; LOCK TABLE due IN SHARE MODE")
    posting = asyncio.create_task(api.post("/v1/messages/batch", items()))

    async def broken() -> bool:
        return bool(
            await api.scalar(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )

    assert await eventually(broken, "the batch waits for the lock, and its connection is broken")
    await api.db.execute(b"ROLLBACK")
    reply = await posting
    assert reply.status == 202
    ids = {item["id"] for item in reply.json["data"]}
    assert len(ids) == ITEMS
    assert await stored(api) == [ITEMS, ITEMS]
    found = await (await api.db.execute(b"SELECT 'msg_' || replace(id::text, '-', '') FROM messages")).fetchall()
    assert {one for (one,) in found} == ids


async def test_missing_partitions_are_made_on_the_way(api: Api) -> None:
    found = await api.db.execute(
        b"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'messages'::regclass"
    )
    for (name,) in await found.fetchall():
        await api.db.execute(f"DROP TABLE {name}".encode())
    reply = await api.post("/v1/messages/batch", items())
    assert all("id" in item for item in reply.json["data"])
    assert await stored(api) == [ITEMS, ITEMS]


async def test_one_item_that_no_two_readers_understand_alike_refuses_the_array(api: Api) -> None:
    """It is found when the chunks before it are written already."""
    texts = [json.dumps(item) for item in items()]
    texts[-1] = '{"to":"a","content":1,"content":2}'
    reply = await api.post("/v1/messages/batch", data=f"[{','.join(texts)}]".encode(), headers=JSON)
    assert (reply.status, reply.json["code"]) == (400, "not_json")
    assert "twice" in reply.json["detail"]
    assert await stored(api) == [0, 0]


async def test_bad_items_in_every_chunk_keep_their_places(api: Api) -> None:
    batch: list[Any] = items()
    bad = {0: 5, 999: {"to": ""}, 1_000: {}, 2_499: {"to": "a", "content": 1, "customer": "stranger"}}
    for index, item in bad.items():
        batch[index] = item
    data = (await api.post("/v1/messages/batch", batch)).json["data"]
    assert [item["index"] for item in data if "error" in item] == list(bad)
    assert await stored(api) == [ITEMS - len(bad)] * 2
    for index in (1, 998, 1_001, 2_498):
        assert (await api.get(f"/v1/messages/{data[index]['id']}")).json["to"] == f"n{index}"


async def test_batches_with_one_key_at_the_same_time_agree(api: Api) -> None:
    """Also when other items of each are bad, so that they do not take the same keys."""
    batches: list[list[Any]] = [items() for _ in range(4)]
    for number, batch in enumerate(batches):
        for index in range(number, ITEMS, 10):
            batch[index] = None
    replies = await asyncio.gather(*(api.post("/v1/messages/batch", batch, headers=KEY) for batch in batches))
    ids: list[set[str]] = [set() for _ in range(ITEMS)]
    for reply, batch in zip(replies, batches, strict=True):
        assert reply.status == 202
        for item, sent in zip(reply.json["data"], batch, strict=True):
            assert ("id" in item) == (sent is not None)
            ids[item["index"]] |= {item["id"]} if sent else set()
    assert {len(each) for each in ids} == {1}
    assert await stored(api) == [ITEMS, ITEMS]


async def test_others_are_answered_while_a_batch_is_taken(api: Api) -> None:
    posting = asyncio.create_task(api.post("/v1/messages/batch", items(10_000), checked=False))
    answered = 0
    while not posting.done():
        assert (await api.get("/health/live", checked=False)).status == 200
        answered += 1
    assert (await posting).status == 202
    assert answered >= 10
