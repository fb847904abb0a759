"""POST /v1/messages/batch: many at once, and a bad one does not hold back the good ones."""

import gzip
import json
from typing import Any

import pytest

from support.api import Api

LINES = {"Content-Type": "application/x-ndjson"}


def good(number: int) -> dict[str, Any]:
    return {"to": f"n{number}", "content": number}


async def test_a_bad_item_is_named_and_the_others_are_accepted(api: Api) -> None:
    items: list[Any] = [good(0), {"to": "x"}, good(2), 5, good(4) | {"customer": "stranger"}, good(5)]
    reply = await api.post("/v1/messages/batch", items)
    assert reply.status == 202
    data = reply.json["data"]
    assert [item["index"] for item in data] == [0, 1, 2, 3, 4, 5]
    assert ["id" in item for item in data] == [True, False, True, False, False, True]
    assert data[1]["error"]["errors"] == [{"pointer": "/content", "detail": "is required"}]
    assert data[4]["error"]["errors"][0]["pointer"] == "/customer"
    for index in (0, 2, 5):
        read = await api.get(f"/v1/messages/{data[index]['id']}")
        assert (read.json["to"], read.json["content"]) == (f"n{index}", index)
    assert await api.count("due") == 3


async def test_lines_are_accepted_one_by_one(api: Api) -> None:
    lines = [json.dumps(good(0)), "", "{broken", json.dumps(good(2)), ""]
    reply = await api.post("/v1/messages/batch", data="\r\n".join(lines).encode(), headers=LINES)
    data = reply.json["data"]
    assert ["id" in item for item in data] == [True, False, True]
    assert (data[1]["error"]["code"], data[1]["error"]["status"]) == ("not_json", 400)


async def test_too_large_a_content_is_that_items_error(api: Api) -> None:
    reply = await api.post("/v1/messages/batch", [good(0), {"to": "x", "content": "x" * 65537}])
    error = reply.json["data"][1]["error"]
    assert (error["code"], error["status"], error["errors"][0]["pointer"]) == ("content_too_large", 413, "/content")
    assert await api.count("due") == 1


async def test_ten_thousand_are_stored_in_order(api: Api) -> None:
    reply = await api.post("/v1/messages/batch", [good(number) for number in range(10_000)])
    ids = [item["id"] for item in reply.json["data"]]
    assert len(set(ids)) == await api.count("due") == await api.count("messages") == 10_000
    last = await api.get(f"/v1/messages/{ids[-1]}")
    assert last.json["content"] == 9_999


async def test_more_than_ten_thousand_are_refused(api: Api) -> None:
    as_array = await api.post("/v1/messages/batch", [good(0)] * 10_001)
    as_lines = await api.post("/v1/messages/batch", data=b'{"to":"a","content":1}\n' * 10_001, headers=LINES)
    assert [reply.status for reply in (as_array, as_lines)] == [422, 422]
    assert await api.count("messages") == 0


@pytest.mark.parametrize("body", [b"{", b'[{"to":"a","content":1},]'])
async def test_an_array_that_is_no_json_is_refused_whole(api: Api, body: bytes) -> None:
    reply = await api.post("/v1/messages/batch", data=body, headers={"Content-Type": "application/json"})
    assert (reply.status, reply.json["code"]) == (400, "not_json")


async def test_an_object_is_no_batch(api: Api) -> None:
    assert (await api.post("/v1/messages/batch", good(0))).status == 422


async def test_an_empty_batch_is_no_mistake(api: Api) -> None:
    assert (await api.post("/v1/messages/batch", [])).json == {"data": []}


async def test_a_compressed_body_is_counted_as_it_unfolds(api: Api) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    small = gzip.compress(json.dumps([good(0)]).encode())
    bomb = gzip.compress(b" " * (65 * 1024 * 1024))
    assert (await api.post("/v1/messages/batch", data=small, headers=headers)).status == 202
    assert (await api.post("/v1/messages/batch", data=bomb, headers=headers)).status == 413
