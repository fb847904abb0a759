"""Joining and leaving the fleet: what a member is made of, its tasks, and what it takes back when it goes."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg

from sendoff_config.identity import Identity
from sendoff_config.settings import Settings
from sendoff_control.bounded_queries import BoundedQueries
from sendoff_control.bus import Bus
from sendoff_control.heartbeat import beat_forever
from sendoff_control.member import Member
from sendoff_control.nats_bus import NatsBus
from sendoff_control.outbox import Outbox
from sendoff_control.publisher import Publisher
from sendoff_control.redis_bus import RedisBus
from sendoff_control.stall_detector import StallDetector
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Pool
from sendoff_db.sql import run
from sendoff_domain.errors import UnavailableError

_LEAVE_TIMEOUT = 0.5
_CANCELLATIONS = 2
_RESTART_PAUSE = 1.0

_log = logging.getLogger(__name__)


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
        postgres=BoundedQueries(pool),
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
    buses = [_make_bus(outbox, member, stall_detector) for outbox in member.publisher.outboxes]
    sessions = [_start(bus.run, f"control {bus.name}") for bus in buses]
    tasks: list[asyncio.Task[None]] = []
    try:
        await member.poll()
        tasks += [
            _start(lambda: _poll_forever(member), "control poll"),
            _start(member.announcer.run, "control announcer"),
            _start(stall_detector.run, "control stall_detector"),
            _start(lambda: beat_forever(member.publisher, member.heartbeat), "control heartbeat"),
        ]
        yield
    finally:
        await _end(tasks)
        await asyncio.gather(*(bus.leave() for bus in buses))
        await _end(sessions)
        await _forget(member)


def _make_bus(outbox: Outbox, member: Member, stall_detector: StallDetector) -> Bus:
    settings, prefix = member.settings, member.settings.control.prefix
    if outbox.name == "nats":
        return NatsBus(
            settings=settings.nats,
            prefix=prefix,
            member=member,
            outbox=outbox,
            expected_revision=stall_detector.expected_revision,
        )
    return RedisBus(
        url=str(settings.redis.broker_url),
        prefix=prefix,
        member=member,
        outbox=outbox,
        clock=member.clock,
        stall_detector=stall_detector,
    )


async def _poll_forever(member: Member) -> None:
    while True:
        await member.poller.wait()
        await member.poll()


def _start(work: Callable[[], Awaitable[None]], name: str) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(_keep_running(work, name), name=name)


async def _keep_running(work: Callable[[], Awaitable[None]], name: str) -> None:
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 a mistake in one task must not silence the others; it is logged
            _log.exception("%s failed and starts again", name)
        await asyncio.sleep(_RESTART_PAUSE)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel and wait, several times if need be: see `raise_if_cancelled`."""
    pending = set(tasks)
    for _ in range(_CANCELLATIONS):
        for task in pending:
            task.cancel()
        if pending:
            _, pending = await asyncio.wait(pending, timeout=_LEAVE_TIMEOUT)
    for task in pending:
        _log.warning("%s does not end", task.get_name())


async def _forget(member: Member) -> None:
    identity = member.identity
    values = {
        "instance": identity.instance,
        "process": identity.process,
        "role": identity.role,
        "started_at": identity.started_at,
        "pid": identity.pid,
    }
    try:
        await member.postgres.ask(
            lambda connection: run(connection, __package__, "forget_process", values), _LEAVE_TIMEOUT
        )
    except (UnavailableError, psycopg.Error) as error:
        _log.info("control: this process stays on the list for a while: %s", error)
    await member.postgres.close(_LEAVE_TIMEOUT / 2)
