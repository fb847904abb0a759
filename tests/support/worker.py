"""A worker process in the test's own process: all parts on real servers, but none of its services runs.

A test does each turn itself: it claims, accepts, records, renews, and looks at what came of it.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import Jsonb
from redis.asyncio import Redis

from sendoff_actors.broker import BlockingRedisBroker
from sendoff_actors.claimer.ticker import make_tick
from sendoff_actors.composition import Worker as Parts
from sendoff_actors.composition import make_worker
from sendoff_actors.handoffs import Batch, Queue, read_handoff_key
from sendoff_config.identity import Identity
from sendoff_config.process_index import ProcessIndex
from sendoff_config.settings import Settings
from sendoff_control.fleet import join_fleet, make_member
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Connection, Pool, open_pool
from sendoff_webhooks.customer_cache import CustomerCache
from sendoff_webhooks.seed import seed
from support.receiver import Receiver
from support.servers import RedisUrls
from support.waiting import eventually

_NEXT_INCARNATION = "SELECT nextval('customer_incarnations')"


@dataclass
class Worker:
    """The parts of a process, what they share, and a connection of the test's own beside it."""

    parts: Parts
    pool: Pool
    cache: "Redis"
    broker: BlockingRedisBroker
    redis: RedisUrls
    db: Connection
    _stack: AsyncExitStack

    @property
    def clock(self) -> DatabaseClock:
        """The database's clock as the process knows it."""
        return self.parts.member.clock

    @property
    def customers(self) -> CustomerCache:
        """What the process knows of its customers."""
        return self.parts.retrying.customers

    async def join(self) -> None:
        """Join the fleet until the test ends: before that a process may send nothing."""
        await self._stack.enter_async_context(join_fleet(self.parts.member))
        assert self.parts.member.is_running()

    async def claim(self) -> list[Batch]:
        """One claim of what is due now."""
        member = self.parts.member
        return await self.parts.claiming.claim(make_tick(member.identity.instance, member.settings.scheduler))

    async def accept(self) -> list[Batch]:
        """Claim once and hand the batches to the Sender, as Redis would carry them."""
        batches = await self.claim()
        for batch in batches:
            await self.parts.sender.sending.accept(msgspec.convert(msgspec.to_builtins(batch), Batch))
        return batches

    async def record(self) -> None:
        """Write what came of the requests so far: one turn of each kind, markers before deliveries."""
        for batches in self.parts.sender.recorder.batches:
            await batches.run_once()

    async def requests_over(self) -> None:
        """Wait until nothing is on the wire."""
        await eventually(lambda: self.parts.sender.dispatcher.in_flight == 0, "all requests are over")

    async def handed_on(self, queue: Queue) -> list[Any]:
        """Take what was handed on to an actor: the arguments of each hand-off."""
        return await asyncio.to_thread(self._take, queue)

    def _take(self, queue: Queue) -> list[Any]:
        consumer, found = self.broker.consume(queue, 1, 50), []
        while self.broker.waiting(queue):
            message = next(consumer)
            assert message is not None
            found.append(msgspec.to_builtins(list(message.args)))
            consumer.ack(message)
        return found

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the database has."""
        return await (await self.db.execute(statement.encode(), values)).fetchall()

    async def scalar(self, statement: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        found = await self.rows(statement, *values)
        return found[0][0] if found else None

    async def add_customer(self, customer_id: str, **columns: Any) -> None:
        """A customer that is like the default one but for these columns."""
        await self.db.execute(
            b"INSERT INTO customers SELECT (jsonb_populate_record(customers, %s)).*"
            b" FROM customers WHERE id = 'default'",
            (Jsonb({"id": customer_id, "incarnation": await self.scalar(_NEXT_INCARNATION), **columns}),),
        )

    async def change_customer(self, customer_id: str = "default", **columns: Any) -> None:
        """Give a customer these columns, and let this process read it anew."""
        statement = f"UPDATE customers SET {', '.join(f'{name} = %({name})s' for name in columns)} WHERE id = %(id)s"
        await self.db.execute(statement.encode(), {**_adapted(columns), "id": customer_id})
        self.customers.forget(customer_id)
        await self.customers.ensure({await self.incarnation(customer_id)})

    async def incarnation(self, customer_id: str) -> int:
        """That of the customer who has this id now."""
        return int(await self.scalar("SELECT incarnation FROM customers WHERE id = %s", customer_id))

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """Let nothing in the process wait for a database that can't answer."""
        before, self.pool.timeout = self.pool.timeout, 0.05
        yield
        self.pool.timeout = before


@asynccontextmanager
async def open_worker(
    postgres: str,
    redis: RedisUrls,
    nats: str | None = None,
    *,
    beside: str | None = None,
    receiver: Receiver | None = None,
    instance: str = "one",
    **scheduler: Any,
) -> AsyncIterator[Worker]:
    """A process of a migrated database, at a pace that drains, with `receiver` as the default customer's webhook.

    `beside` is the database's URL for the test itself, if the worker's goes through a proxy.
    """
    settings = _settings(postgres, redis, nats, receiver, scheduler)
    cache: Redis = Redis.from_url(redis.cache, socket_timeout=5, retry=None)
    async with (
        AsyncExitStack() as closing,
        open_pool(settings.postgres, "test worker") as pool,
        await psycopg.AsyncConnection.connect(beside or postgres, autocommit=True) as db,
        AsyncExitStack() as stack,
    ):
        closing.push_async_callback(cache.aclose)
        broker = stack.enter_context(_broker(redis))
        clock = DatabaseClock()
        await clock.sample(db)
        broker.authenticate(await read_handoff_key(db))
        await seed(db, settings)
        identity = Identity(instance, 0, "worker", "localhost", 1, "0", datetime.now(UTC))
        member = make_member(settings, pool, identity, clock)
        parts = make_worker(member=member, process=ProcessIndex(0, 1), pool=pool, cache=cache, broker=broker)
        yield Worker(parts, pool, cache, broker, redis, db, stack)
        parts.sender.dispatcher.leave()
        await parts.sender.dispatcher.finish(0)
        await asyncio.sleep(0)  # a cancelled request ends in the next turn of the loop


def _settings(
    postgres: str, redis: RedisUrls, nats: str | None, receiver: Receiver | None, scheduler: dict[str, Any]
) -> Settings:
    return Settings.model_validate(
        {
            "postgres": {"url": postgres},
            "redis": {"brokerUrl": redis.broker, "cacheUrl": redis.cache},
            "nats": {"url": nats},
            "control": {"prefix": f"test-{secrets.token_hex(6)}"},
            "webhook": {"url": receiver.url if receiver else None, "timeout": "60s"},
            "security": {"allowedNetworks": ["127.0.0.0/8"]},
            "scheduler": {"drain": True, "horizon": "0s", **scheduler},
            "workers": {"shutdownTimeout": "5s"},
        }
    )


@contextmanager
def _broker(redis: RedisUrls) -> Iterator[BlockingRedisBroker]:
    broker = BlockingRedisBroker(redis.broker)
    try:
        for queue in Queue:
            broker.declare_queue(queue)
        yield broker
    finally:
        broker.close()


def _adapted(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {name: Jsonb(value) if isinstance(value, dict) else value for name, value in columns.items()}
