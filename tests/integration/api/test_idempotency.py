"""Idempotency-Key: one key, one message."""

import asyncio

import pytest

from support.api import Api, api_settings, running_api
from support.places import deliver

KEY = {"Idempotency-Key": "order-17"}
BODY = {"to": "jane", "content": {"b": 1, "a": [2]}, "delay": "1h"}


async def test_the_same_key_and_body_gives_the_same_answer(api: Api) -> None:
    first = await api.post("/v1/messages", BODY, headers=KEY)
    again = await api.post("/v1/messages", {"delay": "1h", "content": {"a": [2], "b": 1}, "to": "jane"}, headers=KEY)
    assert (first.status, again.status) == (202, 202)
    assert again.json == first.json
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert await api.count("messages") == 1


async def test_the_answer_stays_the_same_after_the_delivery(api: Api) -> None:
    first = await api.post("/v1/messages", BODY, headers=KEY)
    await deliver(api.db, first.json)
    assert (await api.post("/v1/messages", BODY, headers=KEY)).json == first.json
    assert await api.count("due") == 0


@pytest.mark.parametrize("change", [{"to": "joe"}, {"content": {"b": 1.0, "a": [2]}}, {"customer": "default"}])
async def test_another_body_under_the_same_key_is_refused(api: Api, change: dict[str, object]) -> None:
    await api.post("/v1/messages", BODY, headers=KEY)
    reply = await api.post("/v1/messages", BODY | change, headers=KEY)
    assert (reply.status, reply.json["code"]) == (422, "idempotency_key_reused")
    assert await api.count("messages") == await api.count("due") == 1


async def test_a_refused_message_does_not_use_up_its_key(api: Api) -> None:
    refused = await api.post("/v1/messages", BODY | {"customer": "stranger"}, headers=KEY)
    accepted = await api.post("/v1/messages", BODY, headers=KEY)
    assert (refused.status, accepted.status) == (422, 202)


async def test_concurrent_requests_with_one_key_give_one_message(api: Api) -> None:
    replies = await asyncio.gather(*(api.post("/v1/messages", BODY, headers=KEY) for _ in range(50)))
    assert {reply.status for reply in replies} == {202}
    assert len({reply.body for reply in replies}) == 1
    assert sum("Idempotency-Replayed" not in reply.headers for reply in replies) == 1
    assert await api.count("messages") == await api.count("due") == 1


async def test_processes_that_get_one_key_at_once_give_one_answer(api: Api, database: str) -> None:
    """The one that has to wait for the other's commit began before it: it must look again."""
    async with running_api(api_settings(database), prepare=False) as other:
        for number in range(20):
            key = {"Idempotency-Key": f"order-{number}"}
            replies = await asyncio.gather(
                *(one.post("/v1/messages", BODY, headers=key) for one in (api, other) for _ in range(10))
            )
            assert {reply.status for reply in replies} == {202}
            assert len({reply.body for reply in replies}) == 1
    assert await api.count("messages") == 20


async def test_concurrent_bodies_under_one_key_have_one_winner(api: Api) -> None:
    bodies = [BODY | {"to": f"n{number}"} for number in range(20)]
    replies = await asyncio.gather(*(api.post("/v1/messages", body, headers=KEY) for body in bodies))
    assert sorted(reply.status for reply in replies) == [202] + [422] * 19
    assert await api.count("messages") == 1


async def test_a_batch_sent_again_with_its_key_gives_the_same_ids(api: Api) -> None:
    batch = [BODY, BODY, {"to": "joe"}]
    first = await api.post("/v1/messages/batch", batch, headers=KEY)
    again = await api.post("/v1/messages/batch", batch, headers=KEY)
    assert again.json == first.json
    assert first.json["data"][0]["id"] != first.json["data"][1]["id"]
    assert await api.count("messages") == 2
