"""The Redis side: commands that every process hears, the lease that decides who acts, announcements and heartbeats."""

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, ReadOnlyError

from sendoff_control import heartbeat
from sendoff_control.bus import Bus, raise_if_cancelled, run_together
from sendoff_control.hints import Outbox, Outgoing, Topic
from sendoff_control.lease import Lease, delete_if_equal
from sendoff_control.member import Member
from sendoff_control.protocol import RedisTrouble
from sendoff_control.redis_command_leader import RedisCommandLeader
from sendoff_control.stall_detector import StallDetector

_TIMEOUT = 1.5
_CLOSE_TIMEOUT = 0.3
_KEY_MILLISECONDS = 15_000
_LEASE_INTERVAL = 0.5
#: Own heartbeats that were not heard before the connection counts as dead.
_MISSES = 3
_SPREAD = 0.1
#: The words with which it refuses to write, where its client has no class for them.
_NO_WRITES: dict[str, RedisTrouble] = {"MISCONF": "unsaved", "NOREPLICAS": "unreplicated"}
#: Acks are for people who watch.
_HEARD: tuple[Topic, ...] = ("state", "heartbeat", "wake", "customer")


@dataclass(frozen=True, slots=True)
class _Session:
    """What lives as long as one subscription."""

    client: Redis
    pubsub: PubSub
    lease: Lease
    leader: RedisCommandLeader


class RedisBus(Bus):
    """The fleet on Redis.

    Each session has a client of its own without silent retries, so that every gap is noticed.
    """

    def __init__(self, *, member: Member, outbox: Outbox, stall_detector: StallDetector) -> None:
        super().__init__(member, outbox)
        self._stall_detector = stall_detector
        self._prefix = member.settings.control.prefix
        self._name = member.identity.name
        self._key = f"{self._prefix}:instance:{self._name}"
        self._current: _Session | None = None
        self._leaving = False
        self._written = b""

    async def leave(self) -> None:
        """Send what is still to be sent, then give back the lease and the key of this process."""
        self._leaving = True
        await self._outbox.drained(_CLOSE_TIMEOUT)
        if self._current is not None:
            with contextlib.suppress(Exception):  # lease and key run out by themselves
                await self._take_back(self._current)

    async def _take_back(self, session: _Session) -> None:
        async with asyncio.timeout(2 * _CLOSE_TIMEOUT):
            await delete_if_equal(session.client, self._key, self._written)
            if await session.leader.drained(_CLOSE_TIMEOUT):  # or a successor could act on what is being committed here
                await session.lease.release()

    async def _session(self) -> None:
        client: Redis = Redis.from_url(
            str(self._member.settings.redis.broker_url),
            protocol=2,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            client_name=f"{self._prefix}-control-{self._name}",
        )
        pubsub = client.pubsub()
        try:
            await self._subscribe(pubsub)
            self._current = self._new_session(client, pubsub)
            await self._serve(self._current)
        except Exception as error:
            self._outbox.trouble = _trouble_of(error)
            raise
        finally:
            self._current = None
            with contextlib.suppress(Exception):  # a connection that breaks while it is closed is closed as well
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py ships this one without types
                    await client.aclose()

    async def _subscribe(self, pubsub: PubSub) -> None:
        channels = [f"{self._prefix}:control", *(self._channel(topic) for topic in _HEARD)]
        await pubsub.subscribe(*channels)
        async with asyncio.timeout(_TIMEOUT):
            for _ in channels:
                await _next(pubsub, _TIMEOUT)

    def _new_session(self, client: Redis, pubsub: PubSub) -> _Session:
        member, lease = self._member, Lease(client, f"{self._prefix}:control:authority", self._name)
        leader = RedisCommandLeader(
            lease=lease,
            states=member.states,
            stall_detector=self._stall_detector,
            clock=member.clock,
            decide=member.command,
            is_recorded=member.is_recorded,
        )
        return _Session(client, pubsub, lease, leader)

    async def _serve(self, session: _Session) -> None:
        queue = self._open()
        await run_together(
            self._read(session), self._write(session.client, queue), self._keep_lease(session), session.leader.run()
        )

    def _channel(self, topic: str) -> str:
        return f"{self._prefix}:control:{topic}"

    async def _read(self, session: _Session) -> NoReturn:
        echoed_at = time.monotonic()
        while True:
            message = await _next(session.pubsub, 1.0)
            raise_if_cancelled()
            if message is not None and message["data"] == self._written:
                echoed_at = time.monotonic()
            if time.monotonic() - echoed_at > (_MISSES + _SPREAD) * heartbeat.INTERVAL:
                raise ConnectionError("own heartbeats are not heard")
            if message is not None:
                self._dispatch(message, session.leader)

    def _dispatch(self, message: dict[str, Any], leader: RedisCommandLeader) -> None:
        if message["type"] == "pong":
            leader.receive_marker(message["data"].decode())
        elif message["type"] == "subscribe":
            self._catch_up()  # the client has reconnected by itself: something may have been missed
        elif message["type"] == "message":
            self._hear_on(message["channel"].decode(), message["data"], leader)

    def _hear_on(self, channel: str, payload: bytes, leader: RedisCommandLeader) -> None:
        if channel == f"{self._prefix}:control":
            leader.receive(payload)
            return
        self._hear(cast(Topic, channel.rpartition(":")[2]), payload)

    async def _write(self, client: Redis, queue: asyncio.Queue[Outgoing]) -> NoReturn:
        while True:
            outgoing = await queue.get()
            if outgoing.topic == "heartbeat":
                self._written = outgoing.payload
                await client.set(self._key, outgoing.payload, px=_KEY_MILLISECONDS)
                self._outbox.trouble = None
            await client.publish(self._channel(outgoing.topic), outgoing.payload)
            raise_if_cancelled()
            queue.task_done()

    async def _keep_lease(self, session: _Session) -> NoReturn:
        lease = session.lease
        while True:
            if not await lease.renew() and not self._leaving and await lease.acquire():
                await session.pubsub.ping(lease.token)  # its echo marks in the subscription where the term begins
            raise_if_cancelled()
            await asyncio.sleep(_LEASE_INTERVAL * random.uniform(1 - _SPREAD, 1))  # noqa: S311 spreads load, no secret


def _trouble_of(error: Exception) -> RedisTrouble | None:
    if isinstance(error, OutOfMemoryError):
        return "full"
    if isinstance(error, ReadOnlyError):
        return "read-only"
    return _NO_WRITES.get(str(error).partition(" ")[0])


async def _next(pubsub: PubSub, timeout: float) -> dict[str, Any] | None:
    message: dict[str, Any] | None = await pubsub.get_message(timeout=timeout)
    return message
