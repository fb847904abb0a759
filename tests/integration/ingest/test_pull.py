"""How messages are pulled: one request at a time, each with an end of its own."""

import asyncio
import itertools
import json

from nats.aio.msg import Msg

from sendoff_config.ingest_settings import IngestSettings, RejectedSettings
from sendoff_domain.stream_names import ingest_stream_name
from sendoff_ingest.lane_pulls import Precedence, SharedPull
from sendoff_ingest.lanes import Lanes
from sendoff_ingest.pull import Pull
from sendoff_ingest.streams import CONSUMER, ensure_streams
from support.producer import Producer
from support.waiting import eventually

SETTINGS = IngestSettings(max_bytes=2**26, rejected=RejectedSettings(max_bytes=2**20))


async def test_the_end_of_a_request_that_is_told_late_does_not_end_the_next(producer: Producer) -> None:
    """NATS tells it behind the last message, and a cluster may do so when the next request is made already."""
    await ensure_streams(producer.jetstream, producer.prefix, SETTINGS)
    await Lanes(producer.jetstream, producer.prefix, SETTINGS).ensure()
    stream, requests = ingest_stream_name(producer.prefix), list[Msg]()

    async def hear(request: Msg) -> None:
        requests.append(request)

    await producer.client.subscribe(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{CONSUMER}", cb=hear)
    pull = Pull(producer.client, stream, CONSUMER, 2)
    await pull.open()
    for number in range(2):
        await producer.publish({"to": "a", "content": number})
    taken = list[Msg]()
    while len(taken) < 2:
        taken += await pull.take()
    await eventually(lambda: len(requests) == 2, "the next request is made")

    late = {"Status": "409", "Description": "Batch Completed"}
    await producer.client.publish(requests[0].reply, b"", headers=late)
    next_one = asyncio.create_task(pull.take())
    await producer.publish({"to": "a", "content": 3})
    assert len(await asyncio.wait_for(next_one, 5)) == 1
    await producer.client.flush()
    assert len(requests) == 2, "the request that is under way brings one more"
    await pull.close()


async def test_the_shared_lane_begins_with_small_batches_that_grow_while_all_come_full(producer: Producer) -> None:
    await ensure_streams(producer.jetstream, producer.prefix, SETTINGS)
    await Lanes(producer.jetstream, producer.prefix, SETTINGS).ensure()
    stream, sizes = ingest_stream_name(producer.prefix), list[int]()

    async def hear(request: Msg) -> None:
        sizes.append(json.loads(request.data)["batch"])

    await producer.client.subscribe(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{CONSUMER}", cb=hear)
    flooded = asyncio.Event()
    pull = SharedPull(producer.client, stream, 40, precedence=Precedence(), flooded=flooded)
    await pull.open()
    for number in range(15):
        await producer.publish({"to": "a", "content": number})
    await take(pull, 15)
    assert not flooded.is_set(), "what is left is no more than others can wait for"
    for number in range(200):
        await producer.publish({"to": "a", "content": number})
    await take(pull, 200)
    assert flooded.is_set()
    await producer.publish({"to": "a", "content": "the last"})
    await take(pull, 1)
    await producer.client.flush()
    assert sizes[0] == 10
    assert 10 < max(sizes) <= 40
    assert all(later <= earlier * 1.1 + 1 or later == 10 for earlier, later in itertools.pairwise(sizes))
    await pull.close()


async def take(pull: Pull, count: int) -> None:
    """Take so many, and acknowledge none of them."""
    taken = 0
    while taken < count:
        taken += len(await pull.take())
