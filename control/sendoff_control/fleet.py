"""Joining and leaving the fleet: what a member is made of, its services, and what it takes back when it goes."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
import structlog

from sendoff_config.identity import Identity
from sendoff_config.service import run_services
from sendoff_config.settings import Settings
from sendoff_control.bounded_queries import BoundedQueries
from sendoff_control.bus import Bus
from sendoff_control.heartbeat import HeartbeatSender
from sendoff_control.hints import Outbox, Publisher
from sendoff_control.member import Member
from sendoff_control.nats_bus import NatsBus
from sendoff_control.redis_bus import RedisBus
from sendoff_control.stall_detector import StallDetector
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Pool
from sendoff_db.sql import run
from sendoff_domain.errors import UnavailableError

_LEAVE_TIMEOUT = 0.5

log = structlog.get_logger("sendoff.control")


def make_member(settings: Settings, pool: Pool, identity: Identity, clock: DatabaseClock) -> Member:
    """A process that can be told apart from the others and be subscribed to, but has not joined them yet."""
    outboxes = []
    if settings.nats.url is not None:
        outboxes.append(Outbox("nats"))
    if settings.redis.broker_url is not None:
        outboxes.append(Outbox("redis"))
    return Member(
        settings=settings,
        identity=identity,
        clock=clock,
        queries=BoundedQueries(pool),
        publisher=Publisher(identity.name, outboxes),
    )


@asynccontextmanager
async def join_fleet(member: Member) -> AsyncIterator[None]:
    """Be a member of the fleet until the block ends.

    No server has to be there: a bus that is down is tried again in the background, and without PostgreSQL the state is
    unknown, so that `is_running` says no. The state is known when the block begins if PostgreSQL answers within 2 s.
    Leaving takes less than a second, with every server dead a little more.
    """
    stall_detector = StallDetector(member.states, time.monotonic())
    member.subscribe(on_change=lambda _: stall_detector.look(time.monotonic()))  # a pause may come before its next turn
    buses = [_make_bus(outbox, member, stall_detector) for outbox in member.publisher.outboxes]
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_forget, member)
        await stack.enter_async_context(run_services(*buses, stall_detector))
        stack.push_async_callback(_leave, buses)
        await member.poll()
        if member.states.settled() is not None:
            await member.poll()  # its row tells that it knows the state
        heartbeats = HeartbeatSender(member.publisher, member.own_process)
        await stack.enter_async_context(run_services(_Polling(member), member.announcer, heartbeats))
        yield


class _Polling:
    """The service that keeps a member up to date with PostgreSQL."""

    name = "control poll"

    def __init__(self, member: Member) -> None:
        self._member = member

    async def wait(self) -> None:
        """Wait until the next poll."""
        await self._member.poller.wait()

    async def run_once(self) -> None:
        """Poll, and apply what changed."""
        await self._member.poll()


def _make_bus(outbox: Outbox, member: Member, stall_detector: StallDetector) -> Bus:
    if outbox.bus == "nats":
        return NatsBus(member=member, outbox=outbox, expected_revision=stall_detector.expected_revision)
    return RedisBus(member=member, outbox=outbox, stall_detector=stall_detector)


async def _leave(buses: Sequence[Bus]) -> None:
    await asyncio.gather(*(bus.leave() for bus in buses))


async def _forget(member: Member) -> None:
    """Take this process off the list of the living, and end what still asks PostgreSQL."""
    identity = member.identity
    values = {
        "instance": identity.instance,
        "process": identity.process,
        "role": identity.role,
        "started_at": identity.started_at,
        "pid": identity.pid,
    }
    try:
        await member.queries.ask(
            lambda connection: run(connection, __package__, "forget_process", values), _LEAVE_TIMEOUT
        )
    except (UnavailableError, psycopg.Error) as error:
        log.info("this process stays on the list for a while", error=str(error))
    await member.queries.close(_LEAVE_TIMEOUT / 2)
