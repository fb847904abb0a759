"""What waits in the stream of the ingest, as the stats and the metrics show it, and what they say when NATS is away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import APIError

from sendoff_config.ingest_settings import IngestSettings, RejectedSettings
from sendoff_domain.stream_names import ingest_stream_name, rejected_subject
from sendoff_ingest.streams import ensure_streams
from support.api import Api, api_settings, running_api
from support.producer import Producer, open_producer
from support.proxy import open_proxy
from support.waiting import eventually
from support.whole_sendoff import prefix

__all__ = ["prefix"]

NOWHERE = "msg_00000000000000000000000000000000"
SMALL = IngestSettings(per_customer=3, max_bytes=2**20, rejected=RejectedSettings(max_bytes=2**20))


@pytest.fixture
async def producer(nats_url: str, prefix: str, database: str) -> AsyncIterator[Producer]:
    """A producer, and streams in which a customer has room for three messages, with one consumer."""
    async with open_producer(nats_url, prefix, database) as opened:
        await ensure_streams(opened.jetstream, prefix, SMALL)
        name = ingest_stream_name(prefix)
        for found in await opened.jetstream.consumers_info(name):
            await opened.jetstream.delete_consumer(name, found.name)
        await opened.jetstream.add_consumer(name, ConsumerConfig(durable_name="test", ack_policy=AckPolicy.EXPLICIT))
        yield opened


@asynccontextmanager
async def api_on(nats_url: str, prefix: str, database: str, **sections: Any) -> AsyncIterator[Api]:
    """An API process that is on its NATS."""
    settings = api_settings(database, nats={"url": nats_url}, control={"prefix": prefix}, **sections)
    async with running_api(settings) as api:

        async def is_up() -> bool:
            return bool((await api.get("/health/ready")).json.get("nats") == "up")

        await eventually(is_up, "this process is on NATS")
        yield api


async def stats_with(api: Api, **expected: Any) -> dict[str, Any]:
    """The figures as soon as they are these: those of a second ago are shown again."""
    seen: dict[str, Any] = {}

    async def is_so() -> bool:
        seen.clear()
        seen.update((await api.get("/v1/stats")).json["ingest"] or {})
        return expected.items() <= seen.items()

    await eventually(is_so, f"the stats of the stream are {expected}")
    return seen


async def metrics(api: Api) -> str:
    return (await api.get("/metrics")).body.decode()


async def test_the_stats_show_what_waits_in_the_stream(
    producer: Producer, nats_url: str, prefix: str, database: str
) -> None:
    async with api_on(nats_url, prefix, database) as api:
        empty = await stats_with(api, waiting=0, taken=0)
        assert (empty["oldestSeconds"], empty["bytes"], empty["handled"], empty["fullCustomers"]) == (0, 0, 0, [])
        assert empty["maxBytes"] == 2**20
        for number in range(2):
            await producer.publish({"to": "bob", "content": number})
        pull = await producer.jetstream.pull_subscribe_bind("test", ingest_stream_name(prefix))
        taken, *_ = await pull.fetch(1)
        found = await stats_with(api, waiting=2, taken=1, handled=0)
        assert found["oldestSeconds"] > 0
        assert found["bytes"] > 0
        await taken.ack_sync()
        await producer.jetstream.publish(rejected_subject(prefix), b"{}")
        await stats_with(api, waiting=1, taken=0, handled=1, rejected=1)
        shown = await metrics(api)
    assert "sendoff_ingest_waiting_messages 1.0" in shown
    assert "sendoff_ingest_taken_messages 0.0" in shown
    assert "sendoff_ingest_handled_messages_total 1.0" in shown
    assert "sendoff_ingest_rejected_messages_total 1.0" in shown
    assert "sendoff_ingest_customer_full{" not in shown


async def test_the_stats_name_customers_whose_producers_are_refused(
    producer: Producer, nats_url: str, prefix: str, database: str
) -> None:
    for customer, count in (("calm", 2), ("flood", 3)):
        for number in range(count):
            await producer.publish({"to": "bob", "content": number}, customer=customer)
    with pytest.raises(APIError, match="maximum messages per subject exceeded"):
        await producer.publish({"to": "bob", "content": 3}, customer="flood")
    async with api_on(nats_url, prefix, database) as api:
        await stats_with(api, waiting=5, fullCustomers=["flood"])
        shown = await metrics(api)
    assert 'sendoff_ingest_customer_full{customer="flood"} 1.0' in shown
    assert "calm" not in shown


async def test_an_explanation_of_no_message_says_what_is_still_in_the_stream(
    producer: Producer, nats_url: str, prefix: str, database: str
) -> None:
    async def said(api: Api, secret: str) -> str:
        reply = await api.get(f"/v1/messages/{NOWHERE}/explain", headers={"Authorization": f"Bearer {secret}"})
        assert (reply.status, reply.json["code"]) == (404, "message_not_found")
        return str(reply.json["detail"])

    keys = [{"name": "all", "secret": "a" * 32}, {"name": "one", "secret": "b" * 32, "customer": "acme"}]
    http = {"apiKeys": [{**key, "role": "viewer"} for key in keys]}
    async with api_on(nats_url, prefix, database, http=http) as api:
        assert await said(api, "b" * 32) == f"there is no message {NOWHERE!r}"
        for customer, count in (("acme", 1), ("acme2", 2)):
            for number in range(count):
                await producer.publish({"to": "bob", "content": number}, customer=customer)
        assert "; 1 message waits in the stream" in await said(api, "b" * 32)

        async def is_told() -> bool:
            return "; 3 messages wait in the stream" in await said(api, "a" * 32)

        await eventually(is_told, "the messages of all are counted")


async def test_without_nats_or_a_stream_nothing_is_said_of_it(nats_url: str, prefix: str, database: str) -> None:
    async with api_on(nats_url, prefix, database) as api:
        assert (await api.get("/v1/stats")).json["ingest"] is None
        assert "sendoff_ingest" not in await metrics(api)
    async with running_api(api_settings(database)) as api:
        assert (await api.get("/v1/stats")).json["ingest"] is None
        assert "sendoff_ingest" not in await metrics(api)


async def test_a_nats_that_hangs_or_is_gone_leaves_the_rest_of_the_stats(
    producer: Producer, nats_url: str, prefix: str, database: str
) -> None:
    async with open_proxy(nats_url) as proxy, api_on(proxy.url, prefix, database) as api:
        await stats_with(api, waiting=0)

        async def is_unknown() -> bool:
            return (await api.get("/v1/stats")).json["ingest"] is None

        proxy.freeze()
        await eventually(is_unknown, "what was known is not told for long")
        assert "sendoff_ingest" not in await metrics(api)
        assert (await api.get("/v1/stats")).json["counts"]["scheduled"] == 0
        await proxy.cut()
        assert (await api.get("/v1/stats")).json["ingest"] is None
        proxy.restore()
        await stats_with(api, waiting=0)
