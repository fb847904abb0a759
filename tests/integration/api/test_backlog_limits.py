"""limits.backlog: of whom as many messages wait as may gets no more in, and nobody else notices."""

import asyncio
from typing import Any

import pytest

from support.api import Api, Reply, api_settings, running_api
from support.customers import create
from support.metrics import total
from support.places import claim, deliver, retry_later
from support.waiting import eventually

MESSAGE = {"to": "jane", "content": "hello", "customer": "acme", "delay": "1h"}


async def send(api: Api, key: str | None = None, **fields: Any) -> Reply:
    """A message to the customer acme."""
    return await api.post("/v1/messages", MESSAGE | fields, headers={} if key is None else {"Idempotency-Key": key})


async def fill(api: Api, backlog: int) -> list[dict[str, Any]]:
    """The customer acme, of whom as many messages wait as may."""
    await create(api, id="acme", limits={"backlog": backlog})
    replies = [await send(api) for _ in range(backlog)]
    assert {reply.status for reply in replies} == {202}
    return [reply.json for reply in replies]


async def accepted_again(api: Api) -> None:
    """Wait until a message is taken: the count is a second old at most."""

    async def taken() -> bool:
        reply = await send(api)
        assert reply.status in (202, 429), reply.body
        return reply.status == 202

    assert await eventually(taken, "a message is taken again")


async def test_a_full_backlog_is_told_with_its_numbers_and_when_to_come_again(api: Api) -> None:
    await fill(api, 3)
    reply = await send(api)
    assert (reply.status, reply.json["code"], reply.headers["Retry-After"]) == (429, "backlog_full", "1")
    assert reply.json["detail"] == (
        "3 messages of customer 'acme' wait, and 3 may (limits.backlog): send it again later"
    )
    assert await api.count("messages") == await api.count("due") == 3


async def test_other_customers_do_not_notice(api: Api) -> None:
    await fill(api, 1)
    await create(api, id="other", limits={"backlog": 5})
    replies = [await send(api, customer=name) for name in ("default", "other", "acme", "default", "other")]
    assert [reply.status for reply in replies] == [202, 202, 429, 202, 202]


async def test_what_was_sent_makes_room(api: Api) -> None:
    first, _ = await fill(api, 2)
    assert (await send(api)).status == 429
    await deliver(api.db, first)
    await accepted_again(api)
    assert (await send(api)).status == 429


async def test_what_waits_for_a_retry_waits_and_what_is_being_sent_does_not(api: Api, database: str) -> None:
    first, second = await fill(api, 2)
    await retry_later(api.db, first)
    async with running_api(api_settings(database), prepare=False) as late:
        assert (await send(late)).status == 429
    await claim(api.db, second)
    await accepted_again(api)


async def test_many_at_once_are_counted_exactly(api: Api) -> None:
    await create(api, id="acme", limits={"backlog": 20})
    replies = await asyncio.gather(*(send(api) for _ in range(100)))
    assert sorted(reply.status for reply in replies) == [202] * 20 + [429] * 80
    assert await api.count("due") == 20


async def test_in_a_batch_only_the_items_over_the_limit_are_refused(api: Api) -> None:
    await create(api, id="acme", limits={"backlog": 2})
    other = {"to": "joe", "content": "hello"}
    reply = await api.post("/v1/messages/batch", [MESSAGE, other, MESSAGE, MESSAGE, other, {"to": 1}, MESSAGE])
    assert reply.status == 202
    of_items = [item.get("error", {}).get("code", "stored") for item in reply.json["data"]]
    assert of_items == ["stored", "stored", "stored", "backlog_full", "stored", "invalid", "backlog_full"]
    refused = reply.json["data"][3]["error"]
    assert (refused["status"], refused["detail"]) == (
        429,
        "2 messages of customer 'acme' wait, and 2 may (limits.backlog): send it again later",
    )
    assert await api.count("due") == 4


async def test_a_batch_of_many_chunks_keeps_its_order(api: Api) -> None:
    await create(api, id="acme", limits={"backlog": 700})
    batch = [MESSAGE if number % 2 else {"to": f"n{number}", "content": 1} for number in range(2_500)]
    data = (await api.post("/v1/messages/batch", batch)).json["data"]
    assert [item["index"] for item in data] == list(range(2_500))
    assert [item["index"] for item in data if "id" in item] == [
        number for number in range(2_500) if number % 2 == 0 or number < 1_400
    ]
    for number in (0, 1, 1_399, 2_498):
        read = (await api.get(f"/v1/messages/{data[number]['id']}")).json
        assert read["to"] == batch[number]["to"]


async def test_a_repeated_request_gets_its_first_answer_although_the_backlog_is_full(api: Api) -> None:
    await create(api, id="acme", limits={"backlog": 1})
    first = await send(api, "order-17")
    assert (await send(api, "order-18")).status == 429
    again = await send(api, "order-17")
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (202, first.body, "true")
    reused = await send(api, "order-17", to="joe")
    assert (reused.status, reused.json["code"]) == (422, "idempotency_key_reused")
    assert (await send(api, "order-18")).status == 429, "a replay makes no room"
    await deliver(api.db, first.json)
    assert (await send(api, "order-17")).json == first.json
    assert await api.count("messages") == 1


async def test_a_repeated_batch_gets_the_ids_that_it_has_got(api: Api) -> None:
    await create(api, id="acme", limits={"backlog": 2})
    batch, key = [MESSAGE] * 3, {"Idempotency-Key": "order-17"}
    first = await api.post("/v1/messages/batch", batch, headers=key)
    again = await api.post("/v1/messages/batch", batch, headers=key)
    assert [item.get("id") for item in again.json["data"]] == [item.get("id") for item in first.json["data"]]
    assert again.json["data"][2]["error"]["code"] == "backlog_full"


async def test_a_refused_key_is_free_once_there_is_room(api: Api) -> None:
    (waiting,) = await fill(api, 1)
    assert (await send(api, "order-17")).status == 429
    await deliver(api.db, waiting)
    await accepted_again(api)
    await api.call("PATCH", "/v1/customers/acme", json={"limits": {"backlog": 2}})
    assert "Idempotency-Replayed" not in (await send(api, "order-17")).headers


async def test_a_changed_limit_counts_at_once(api: Api) -> None:
    await fill(api, 1)
    for backlog, status in ((2, 202), (2, 429), (None, 202), (3, 429)):
        reply = await api.call("PATCH", "/v1/customers/acme", json={"limits": {"backlog": backlog}})
        assert reply.json["limits"]["backlog"] == backlog
        assert (await send(api)).status == status, backlog


async def test_another_process_learns_of_a_limit_and_of_what_waits(api: Api, database: str) -> None:
    async with running_api(api_settings(database), prepare=False) as other:
        assert (await api.create())["customer"] == "default"
        await fill(other, 2)

        async def refused() -> bool:
            await api.create()
            return (await send(api)).status == 429

        assert await eventually(refused, "the other process refuses, too")


async def test_the_default_customers_limit_is_in_the_settings(database: str) -> None:
    async with running_api(api_settings(database, limits={"backlog": 1})) as api:
        replies = [await api.post("/v1/messages", {"to": "a", "content": 1}) for _ in range(2)]
    assert [reply.status for reply in replies] == [202, 429]


async def test_refusals_are_counted_in_stats_and_metrics(api: Api) -> None:
    await fill(api, 1)
    assert (await api.get("/v1/stats")).json["refused"] == 0
    await send(api)
    await api.post("/v1/messages/batch", [MESSAGE, MESSAGE])
    assert (await api.get("/v1/stats")).json["refused"] == 3
    assert total((await api.get("/metrics")).body.decode(), "sendoff_refused_messages_total") == 3


@pytest.mark.parametrize("backlog", [0, 1.5, "many"])
async def test_a_limit_is_a_positive_number(api: Api, backlog: object) -> None:
    reply = await api.post("/v1/customers", {"webhookUrl": "https://webhook.invalid/", "limits": {"backlog": backlog}})
    assert (reply.status, reply.pointers) == (422, ["/limits/backlog"])
