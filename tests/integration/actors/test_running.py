"""A process with all its services running, until it has left."""

import asyncio
from datetime import datetime

from sendoff_actors.composition import run_worker
from support.messages import accept
from support.receiver import Receiver
from support.servers import RedisUrls
from support.waiting import eventually
from support.worker import Worker, open_worker


async def lease_end(worker: Worker) -> datetime:
    end = await worker.scalar("SELECT visible_at FROM due WHERE holder IS NOT NULL")
    assert isinstance(end, datetime)
    return end


async def test_a_process_that_leaves_renews_the_leases_of_what_is_on_the_wire(
    sendoff_database: str, redis_urls: RedisUrls, nats_url: str, receiver: Receiver
) -> None:
    receiver.hang(lambda _: True)
    async with open_worker(sendoff_database, redis_urls, nats_url, receiver=receiver, lease="3s") as worker:
        leave = asyncio.Event()

        async def run() -> None:
            async with run_worker(worker.parts):
                await accept(worker.db)
                await worker.accept()
                await leave.wait()

        running = asyncio.create_task(run())
        await eventually(lambda: len(receiver.received) == 1, "the request is on the wire")
        leave.set()
        before = await lease_end(worker)

        async def is_renewed() -> bool:
            return await lease_end(worker) > before

        for _ in range(2):
            await eventually(is_renewed, "the lease is renewed")
            before = await lease_end(worker)
        assert not running.done()
        receiver.let_go()
        await running
        assert await worker.scalar("SELECT count(*) FROM deliveries") == 1
        assert len(receiver.received) == 1
