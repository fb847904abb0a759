"""Members of a fleet in the test's own process, each with its own pool, and the buses as an outsider uses them."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import nats
import psycopg
from nats.aio.client import Client
from redis.asyncio import Redis

from sendoff_config.identity import Identity
from sendoff_config.settings import Settings
from sendoff_control.fleet import join_fleet, make_member
from sendoff_control.member import Member
from sendoff_db.clock import DatabaseClock
from sendoff_db.migrator import migrate
from sendoff_db.pool import open_pool
from sendoff_domain.control import ControlState, Desired
from support.seeding import seed
from support.waiting import eventually


@dataclass
class Fleet:
    """A database, two buses with a prefix of the test's own, and the members that the test makes."""

    settings: Settings
    nats: Client
    redis: Redis
    stack: AsyncExitStack
    changes: dict[str, list[ControlState]] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        """What all subjects, channels and keys of this test begin with."""
        return self.settings.control.prefix

    async def join(self, *instances: str, settings: Settings | None = None) -> list[Member]:
        """Let processes join that stay until the test ends; returns once they are up on all buses they have."""
        members = [await self.stack.enter_async_context(self.member(name, settings)) for name in instances]
        for member in members:
            await self.connected(member)
        return members

    @asynccontextmanager
    async def member(self, instance: str, settings: Settings | None = None) -> AsyncIterator[Member]:
        """One process that leaves when the block ends; its changes are collected under its instance's name."""
        async with self.unjoined(instance, settings) as member, join_fleet(member):
            yield member

    @asynccontextmanager
    async def unjoined(self, instance: str, settings: Settings | None = None) -> AsyncIterator[Member]:
        """One process that has not joined, with a pool that closes when the block ends."""
        used = settings or self.settings
        identity = Identity(instance, 0, "worker", "localhost", 1, "0", datetime.now(UTC))
        seen = self.changes.setdefault(instance, [])
        async with open_pool(used.postgres, f"test {instance}", size=2) as pool:
            member = make_member(used, pool, identity, DatabaseClock())
            member.subscribe(on_change=seen.append)
            yield member

    async def connected(self, member: Member) -> None:
        """Wait until a member is up on everything it has."""
        await eventually(
            lambda: "down" not in member.bus_health.values(), f"{member.identity.name} is up: {member.bus_health}"
        )

    async def all_are(self, desired: Desired, members: list[Member]) -> None:
        """Wait until every member has applied that state."""
        await eventually(
            lambda: all(member.is_running() is (desired is Desired.RUNNING) for member in members),
            f"all members are {desired}",
            every=0.002,
        )

    async def heartbeat(self, instance: str) -> dict[str, Any]:
        """What a worker says of itself in Redis, which it does a moment after it is up."""
        key = f"{self.prefix}:instance:{instance}-worker-0"
        found: dict[str, Any] = json.loads(await eventually(lambda: self.redis.get(key), f"{key} is there"))
        return found

    async def revision(self, scope: str = "global") -> int:
        """What PostgreSQL holds."""
        async with await psycopg.AsyncConnection.connect(self.settings.postgres.url or "") as connection:
            cursor = await connection.execute("SELECT revision FROM control_state WHERE scope = %s", (scope,))
            row = await cursor.fetchone()
        return 0 if row is None else int(row[0])

    async def commands(self) -> list[tuple[str, str, str]]:
        """Every recorded command as (action, status, origin), oldest first."""
        async with await psycopg.AsyncConnection.connect(self.settings.postgres.url or "") as connection:
            cursor = await connection.execute(
                "SELECT action, status, origin FROM control_commands ORDER BY received_at, command_id"
            )
            return await cursor.fetchall()


def fleet_settings(postgres: str, redis: str | None, nats_url: str | None) -> Settings:
    """The settings of a fleet with a prefix that nobody else has."""
    cache = None if redis is None else redis.rpartition("/")[0] + "/0"
    return Settings.model_validate(
        {
            "postgres": {"url": postgres},
            "redis": {"brokerUrl": redis, "cacheUrl": cache},
            "nats": {"url": nats_url},
            "control": {"prefix": f"test-{secrets.token_hex(6)}"},
        }
    )


@asynccontextmanager
async def open_fleet(settings: Settings) -> AsyncIterator[Fleet]:
    """A migrated and seeded database without any member yet."""
    async with await psycopg.AsyncConnection.connect(settings.postgres.url or "", autocommit=True) as connection:
        await migrate(connection)
        await seed(connection, settings)
    client = await nats.connect(settings.nats.url or "")
    redis: Redis = Redis.from_url(settings.redis.broker_url or "")
    try:
        async with AsyncExitStack() as stack:
            yield Fleet(settings, client, redis, stack)
    finally:
        await client.close()
        await redis.aclose()
