"""Redis that goes away in the midst of things, on the workers' event loop: whatever its client raises, all goes on.

uvloop raises a plain RuntimeError for a transport that was closed beneath the client.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvloop
from redis.asyncio import Redis

from sendoff_actors.sender.markers import Marker, Markers
from sendoff_config.service import run_services
from support.claims import claimed, failed_attempt
from support.messages import accept
from support.proxy import Proxy, open_proxy
from support.receiver import Receiver
from support.servers import RedisUrls
from support.waiting import eventually
from support.worker import Worker, open_worker

KEY = b"k" * 32

MARKER = Marker(1_800_000_000.25, 200, 1500, None)
SENT = [(claimed(), MARKER)]


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run as a worker process does."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


async def with_closed_transport(client: "Redis") -> None:
    """Close what is beneath the client's connection, which it does not notice."""
    await client.ping()
    (connection,) = client.connection_pool._available_connections
    assert connection._writer is not None
    connection._writer.transport.abort()


def test_markers_go_on_when_the_client_raises_what_is_none_of_its_errors(redis_urls: RedisUrls) -> None:
    async def main() -> None:
        async with Redis.from_url(redis_urls.cache, retry=None) as client:
            markers = Markers(client, key=KEY)
            await with_closed_transport(client)
            with pytest.raises(RuntimeError):
                await client.ping()
            await with_closed_transport(client)
            await markers.write(SENT)
            await with_closed_transport(client)
            await markers.write_failures([failed_attempt()])
            await with_closed_transport(client)
            assert await markers.find([claimed()]) == {}
            await with_closed_transport(client)
            assert await markers.is_first_arrival("batch-1")
            await markers.write(SENT)
            assert await markers.find([claimed()]) == {claimed().id: MARKER}

    run(main())


async def test_a_marker_that_cannot_be_read_counts_as_none_and_hides_no_other(worker: Worker) -> None:
    markers = Markers(worker.cache, key=KEY)
    other = claimed(id="b" * 32)
    await markers.write([(other, MARKER)])
    await worker.cache.set(f"sendoff:sent:{claimed().id}:0", b"of another version")
    assert await markers.find([claimed(), other]) == {other.id: MARKER}


@asynccontextmanager
async def behind_proxies(
    postgres: str, redis: RedisUrls, nats: str, receiver: Receiver
) -> AsyncIterator[tuple[Worker, list[Proxy]]]:
    async with (
        open_proxy(redis.broker) as broker,
        open_proxy(redis.cache) as cache,
        open_worker(postgres, replace(redis, broker=broker.url, cache=cache.url), nats, receiver=receiver) as worker,
    ):
        yield worker, [broker, cache]


@pytest.mark.parametrize("status_code", [200, 500])
def test_redis_that_is_cut_under_load_loses_no_outcome_and_doubles_none(
    sendoff_database: str, redis_urls: RedisUrls, nats_url: str, receiver: Receiver, status_code: int
) -> None:
    receiver.answer(status_code)

    async def main() -> None:
        async with behind_proxies(sendoff_database, redis_urls, nats_url, receiver) as (worker, proxies):
            await worker.join()
            parts = worker.parts
            holdings = parts.sender.holdings
            ids = await accept(worker.db, 300)
            async with run_services(*parts.sender.recorder.batches, parts.unrecorded.batches):
                for _ in range(6):
                    await worker.accept()
                    for proxy in proxies:
                        await proxy.cut()
                        proxy.restore()
                    await asyncio.sleep(0.02)
                await worker.requests_over()
                await eventually(holdings.is_empty, "nothing is held any more")
            assert set(receiver.ids().values()) == {1}
            assert len(receiver.ids()) == len(ids)
            if status_code == 200:
                assert await worker.scalar("SELECT count(*) FROM deliveries") == len(ids)

    run(main())
