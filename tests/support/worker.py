"""The parts of one worker process on real servers, without any of its loops: a test does each turn itself."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from redis.asyncio import Redis

from sendoff_config.settings import PostgresSettings, SecuritySettings
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Connection, Pool, open_pool
from sendoff_webhooks.customers import Customers
from sendoff_webhooks.keys.encryption import new_sealer
from support.servers import RedisUrls


@dataclass
class Worker:
    """What the slices of a process share, and a connection of the test's own beside it."""

    pool: Pool
    clock: DatabaseClock
    customers: Customers
    cache: "Redis"
    redis: RedisUrls
    db: Connection

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
            (Jsonb({"id": customer_id, **columns}),),
        )

    async def change_customer(self, customer_id: str = "default", **columns: Any) -> None:
        """Give a customer these columns, and let this process read it anew."""
        statement = f"UPDATE customers SET {', '.join(f'{name} = %({name})s' for name in columns)} WHERE id = %(id)s"
        await self.db.execute(statement.encode(), {**_adapted(columns), "id": customer_id})
        self.customers.forget(customer_id)
        await self.customers.ensure({customer_id})

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """Let nothing in the process wait for a database that can't answer."""
        before, self.pool.timeout = self.pool.timeout, 0.05
        yield
        self.pool.timeout = before


@asynccontextmanager
async def open_worker(postgres: str, redis: RedisUrls, beside: str | None = None) -> AsyncIterator[Worker]:
    """A process of a migrated database. `beside` is the database's URL for the test, if the worker's may be cut."""
    cache: Redis = Redis.from_url(redis.cache, socket_timeout=5, retry=None)
    async with (
        open_pool(PostgresSettings(url=postgres), "test worker") as pool,
        await psycopg.AsyncConnection.connect(beside or postgres, autocommit=True) as db,
    ):
        clock = DatabaseClock()
        async with pool.connection() as connection:
            await clock.sample(connection)
        try:
            yield Worker(pool, clock, Customers(pool, new_sealer(SecuritySettings())), cache, redis, db)
        finally:
            await cache.aclose()


def _adapted(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {name: Jsonb(value) if isinstance(value, dict) else value for name, value in columns.items()}
