"""Joining and leaving the fleet: the tasks of a member, and what it takes back when it goes."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg

from sendoff_config.identity import Identity
from sendoff_config.settings import Settings
from sendoff_control.bounded_queries import Postgres
from sendoff_control.bus import Bus
from sendoff_control.heartbeat import beat_forever
from sendoff_control.member import Member
from sendoff_control.nats_bus import NatsBus
from sendoff_control.redis_bus import RedisBus
from sendoff_control.stall_detector import Pulse
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import read_statement
from sendoff_domain.control import ControlState
from sendoff_domain.errors import UnavailableError

_LEAVE_TIMEOUT = 0.5
_CANCELLATIONS = 2
_RESTART_PAUSE = 1.0

_log = logging.getLogger(__name__)


@asynccontextmanager
async def join_fleet(
    settings: Settings,
    pool: Pool,
    identity: Identity,
    clock: DatabaseClock,
    *,
    in_flight: Callable[[], int] = lambda: 0,
    on_change: Callable[[ControlState], None] = lambda _: None,
    on_wake: Callable[[], None] = lambda: None,
    on_customer: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Member]:
    """Be a member of the fleet until the block ends.

    No server has to be there: a bus that is down is tried again in the background, and without PostgreSQL the state is
    unknown, so that `is_running` says no. The state is known when the block begins if PostgreSQL answers within 2 s.
    `on_change` is called in the event loop for each state that is applied, the first one included. `in_flight` tells
    how many requests run, for the status. `on_wake` is called when somebody stored a message that is due at once,
    `on_customer` with its id when somebody changed a customer.
    Leaving takes less than a second, with every server dead a little more.
    """
    postgres = Postgres(pool)
    member = Member(identity, postgres, clock, in_flight, on_change, on_wake, on_customer)
    pulse = Pulse(member.states, time.monotonic())
    member.buses = _buses(settings, member, clock, pulse)
    buses = [_start(bus.run, f"control {bus.name}") for bus in member.buses]
    tasks: list[asyncio.Task[None]] = []
    try:
        await member.poller.turn()
        tasks += [
            _start(member.poller.run, "control poll"),
            _start(member.announcer.run, "control announcer"),
            _start(pulse.run, "control pulse"),
            _start(lambda: beat_forever(member.buses, member.heartbeat), "control heartbeat"),
        ]
        yield member
    finally:
        await _end(tasks)
        await asyncio.gather(*(bus.leave() for bus in member.buses))
        await _end(buses)
        await _forget(postgres, identity)


def _buses(settings: Settings, member: Member, clock: DatabaseClock, pulse: Pulse) -> list[Bus]:
    prefix = settings.control.prefix
    buses: list[Bus] = []
    if settings.nats.url is not None:
        buses.append(NatsBus(settings.nats, prefix, member, member.command, member.heartbeat, pulse.expected_revision))
    if settings.redis.broker_url is not None:
        url = settings.redis.broker_url
        buses.append(RedisBus(url, prefix, member, member.command, member.heartbeat, member.states, pulse, clock))
    return buses


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
    """Cancel and wait, several times if need be: see `heed_cancellation`."""
    pending = set(tasks)
    for _ in range(_CANCELLATIONS):
        for task in pending:
            task.cancel()
        if pending:
            _, pending = await asyncio.wait(pending, timeout=_LEAVE_TIMEOUT)
    for task in pending:
        _log.warning("%s does not end", task.get_name())


async def _forget(postgres: Postgres, identity: Identity) -> None:
    async def forget(connection: Connection) -> None:
        values = {
            "instance": identity.instance,
            "process": identity.process,
            "role": identity.role,
            "started_at": identity.started_at,
            "pid": identity.pid,
        }
        await connection.execute(read_statement(__package__, "forget_process"), values)

    try:
        await postgres.ask(forget, _LEAVE_TIMEOUT)
    except (UnavailableError, psycopg.Error) as error:
        _log.info("control: this process stays on the list for a while: %s", error)
    await postgres.close(_LEAVE_TIMEOUT / 2)
