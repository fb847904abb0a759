"""A hand-off whose answer does not come counts as taken: what may still be sent is not given back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from sendoff_actors.broker import BlockingRedisBroker
from sendoff_actors.claimer import actor as claimer
from sendoff_actors.claimer.ticker import make_tick
from sendoff_actors.handoffs import Batch, Queue, read_handoff_key
from support.messages import accept
from support.proxy import Proxy, open_proxy
from support.servers import RedisUrls
from support.waiting import eventually
from support.worker import Worker, open_worker

HELD = "SELECT count(*) FROM due WHERE holder IS NOT NULL"


class Calls:
    """Runs the coroutines of an actor on the test's loop; `then` follows each."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then
        self._loop = asyncio.get_running_loop()

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        async def run() -> Any:
            result = await coroutine
            self._then()
            return result

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(30)


@dataclass
class Claimer:
    """The Claimer's actor, whose broker is behind a proxy; the worker's own broker is not."""

    worker: Worker
    broker: BlockingRedisBroker
    proxy: Proxy

    async def tick(self, then: Callable[[], None]) -> None:
        """Claim and hand on, as Dramatiq would have it done; `then` follows the claim."""
        calls: Any = Calls(then)
        claiming = self.worker.parts.claiming
        claim = claimer.declare(self.broker, calls, claiming=claiming, is_running=lambda: True)
        tick = make_tick("one", self.worker.parts.member.settings.scheduler)
        await asyncio.to_thread(claim.fn, tick)


@pytest.fixture
async def claiming(sendoff_database: str, redis_urls: RedisUrls) -> AsyncIterator[Claimer]:
    async with open_proxy(redis_urls.broker) as proxy, open_worker(sendoff_database, redis_urls) as worker:
        broker = BlockingRedisBroker(proxy.url)
        broker.authenticate(await read_handoff_key(worker.db))
        worker.broker.do_qsize(Queue.SENDER)  # from now on Redis knows Dramatiq's script, as after the first hand-off
        broker.client.connection_pool.connection_kwargs["socket_timeout"] = 0.5
        yield Claimer(worker, broker, proxy)
        broker.close()


async def test_a_batch_that_redis_takes_after_the_claimer_has_given_up_is_still_held(claiming: Claimer) -> None:
    worker = claiming.worker
    await accept(worker.db, 3)
    await claiming.tick(claiming.proxy.freeze)
    assert await worker.scalar(HELD) == 3, "they may not be given back: nobody knows whether Redis has them"

    claiming.proxy.thaw()
    await eventually(lambda: asyncio.to_thread(worker.broker.waiting, Queue.SENDER), "Redis takes the batch after all")
    ((argument,),) = await worker.handed_on(Queue.SENDER)
    tokens = {one.id: one.token for one in msgspec.convert(argument, Batch).messages}
    rows = await worker.rows("SELECT replace(message_id::text, '-', ''), token FROM due WHERE holder IS NOT NULL")
    assert dict(rows) == tokens, "what the Sender gets is what is claimed"


async def test_a_batch_that_redis_refuses_goes_back(claiming: Claimer) -> None:
    worker = claiming.worker
    await accept(worker.db, 3)
    worker.broker.client.set("sendoff:sender.msgs", "no hash, so that nothing can be enqueued")
    await claiming.tick(lambda: None)
    assert await worker.scalar(HELD) == 0
