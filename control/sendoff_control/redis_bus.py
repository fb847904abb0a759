"""The Redis side: commands that everybody hears, the lease that decides who acts, and facts, acks and heartbeats."""

import asyncio
import contextlib
import random
import time
from typing import Any, NoReturn, cast, get_args

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from sendoff_control import heartbeat as beats
from sendoff_control.bus import Bus, raise_if_cancelled, run_together
from sendoff_control.lease import Lease, delete_if_equal
from sendoff_control.member import Member
from sendoff_control.outbox import Outbox, Outgoing, Topic
from sendoff_control.protocol import StateAnnouncement, decode
from sendoff_control.redis_command_leader import RedisCommandLeader
from sendoff_control.stall_detector import StallDetector
from sendoff_db.clock import DatabaseClock

_TIMEOUT = 1.5
_CLOSE_TIMEOUT = 0.3
_KEY_MILLISECONDS = 15_000
_LEASE_INTERVAL = 0.5
#: Own heartbeats that were not heard before the connection counts as dead.
_MISSES = 3

_SPREAD = 0.1


class RedisBus(Bus):
    """Each session has a client of its own without silent retries, so that every gap is noticed."""

    def __init__(
        self,
        *,
        url: str,
        prefix: str,
        member: Member,
        outbox: Outbox,
        clock: DatabaseClock,
        stall_detector: StallDetector,
    ) -> None:
        super().__init__(member, outbox)
        self._url = url
        self._prefix = prefix
        self._clock = clock
        self._stall_detector = stall_detector
        self._name = member.identity.name
        self._key = f"{prefix}:instance:{self._name}"
        self._life: tuple[Redis, Lease, RedisCommandLeader] | None = None
        self._leaving = False
        self._written = b""

    async def leave(self) -> None:
        """Send what is still to be sent, then give back the lease and the key of this process."""
        self._leaving = True
        await self._outbox.drained(_CLOSE_TIMEOUT)
        if self._life is not None:
            with contextlib.suppress(RedisError, OSError, TimeoutError):  # lease and key run out by themselves
                await self._take_back(*self._life)

    async def _take_back(self, client: Redis, lease: Lease, leader: RedisCommandLeader) -> None:
        async with asyncio.timeout(2 * _CLOSE_TIMEOUT):
            await delete_if_equal(client, self._key, self._written)
            if await leader.settled(_CLOSE_TIMEOUT):  # or a successor could act on what is being committed here
                await lease.release()

    def _target(self, topic: str) -> str:
        return f"{self._prefix}:control:{topic}"

    async def _session(self) -> None:
        client: Redis = Redis.from_url(
            self._url,
            protocol=2,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            client_name=f"{self._prefix}-control-{self._name}",
        )
        pubsub = client.pubsub()
        try:
            await self._subscribe(pubsub)
            await self._serve(client, pubsub)
        finally:
            self._life = None
            with contextlib.suppress(Exception):  # a connection that breaks while it is closed is closed as well
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py ships this one without types
                    await client.aclose()

    async def _subscribe(self, pubsub: PubSub) -> None:
        channels = [f"{self._prefix}:control", *(self._target(topic) for topic in get_args(Topic))]
        await pubsub.subscribe(*channels)
        async with asyncio.timeout(_TIMEOUT):
            for _ in channels:
                await _next(pubsub, _TIMEOUT)

    async def _serve(self, client: Redis, pubsub: PubSub) -> None:
        lease = Lease(client, f"{self._prefix}:control:authority", self._name)
        member = self._member
        leader = RedisCommandLeader(lease, member.states, self._stall_detector, self._clock, member.command)
        self._life = client, lease, leader
        queue = self._open()
        await run_together(
            self._read(pubsub, leader), self._write(client, queue), self._keep_lease(lease, pubsub), leader.run()
        )

    async def _read(self, pubsub: PubSub, leader: RedisCommandLeader) -> NoReturn:
        echoed_at = time.monotonic()
        while True:
            message = await _next(pubsub, 1.0)
            raise_if_cancelled()
            if message is not None and self._is_own_heartbeat(message):
                echoed_at = time.monotonic()
            if time.monotonic() - echoed_at > (_MISSES + _SPREAD) * beats.INTERVAL:
                raise ConnectionError("own heartbeats are not heard")
            if message is not None:
                self._dispatch(message, leader)

    def _is_own_heartbeat(self, message: dict[str, Any]) -> bool:
        data: bytes = message["data"]
        return data == self._written

    def _dispatch(self, message: dict[str, Any], leader: RedisCommandLeader) -> None:
        if message["type"] == "pong":
            leader.mark(message["data"].decode())
        elif message["type"] == "subscribe":
            self._catch_up()  # the client has reconnected by itself: something may have been missed
        elif message["type"] == "message":
            self._hear_on(message["channel"].decode(), message["data"], leader)

    def _hear_on(self, channel: str, payload: bytes, leader: RedisCommandLeader) -> None:
        if channel == f"{self._prefix}:control":
            leader.hear(payload)
        elif channel == self._target("state"):
            if fact := decode(payload, StateAnnouncement):
                leader.note(fact)
            self.hear("state", payload)
        else:
            self.hear(cast(Topic, channel.rpartition(":")[2]), payload)

    async def _write(self, client: Redis, queue: asyncio.Queue[Outgoing]) -> NoReturn:
        while True:
            outgoing = await queue.get()
            if outgoing.topic == "heartbeat":
                self._written = outgoing.payload
                await client.set(self._key, outgoing.payload, px=_KEY_MILLISECONDS)
            await client.publish(self._target(outgoing.topic), outgoing.payload)
            raise_if_cancelled()
            queue.task_done()

    async def _keep_lease(self, lease: Lease, pubsub: PubSub) -> NoReturn:
        while True:
            if not await lease.renew() and not self._leaving and await lease.acquire():
                await pubsub.ping(lease.token)
            raise_if_cancelled()
            await asyncio.sleep(_LEASE_INTERVAL * random.uniform(1 - _SPREAD, 1))  # noqa: S311 spreads load, no secret


async def _next(pubsub: PubSub, timeout: float) -> dict[str, Any] | None:
    message: dict[str, Any] | None = await pubsub.get_message(timeout=timeout)
    return message
