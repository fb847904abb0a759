"""The fallback that never fails silently: every two seconds each process reports itself and reads all states."""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
import structlog
from psycopg.types.json import Jsonb

from sendoff_config.identity import name_of
from sendoff_control.bounded_queries import BoundedQueries
from sendoff_control.protocol import Heartbeat
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all
from sendoff_domain.control import GLOBAL_SCOPE, ControlState, Desired
from sendoff_domain.errors import UnavailableError

INTERVAL = 2.0
_SPREAD = 0.1
_TIMEOUT = 2.0
#: However often a poll is asked for, this long passes between two of them (seconds), and so many are made in a second.
_PAUSE, _A_SECOND = 0.01, 10

log = structlog.get_logger("sendoff.control")


@dataclass(frozen=True, slots=True)
class Polled:
    """All states, the names of the living processes, and the `time.monotonic()` at which they were asked for."""

    states: list[ControlState]
    processes: list[str]
    asked_at: float


@dataclass(frozen=True, slots=True)
class Progress:
    """By when a worker stands still unless it has claimed, or recorded, again (Unix seconds of the database's clock).

    None where nothing is expected of it. `is_short` while it has too little of its own to send (open files, ports).
    """

    claim_by: float | None = None
    record_by: float | None = None
    is_short: bool = False


class Poller:
    """Asks PostgreSQL with `poll_state.sql`, every two seconds and whenever `soon` was called."""

    def __init__(self, queries: BoundedQueries, clock: DatabaseClock) -> None:
        self._queries = queries
        self._clock = clock
        self._wanted = asyncio.Event()
        self._woke_at: deque[float] = deque(maxlen=_A_SECOND)
        self.answers: bool = False

    def soon(self) -> None:
        """Ask for a poll now: something was applied, or may have been missed."""
        self._wanted.set()

    async def wait(self) -> None:
        """Wait until the next poll; those that are asked for come ten a second at most, the first few at once."""
        now = time.monotonic()
        until_free = self._woke_at[0] + 1.0 - now if len(self._woke_at) == _A_SECOND else 0.0
        await asyncio.sleep(max(_PAUSE, until_free))
        self._woke_at.append(time.monotonic())
        pause = INTERVAL * random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 spreads load, keeps no secret
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._wanted.wait()

    async def poll(self, own: Heartbeat, applied: Iterable[ControlState], progress: Progress) -> Polled | None:
        """Report this process with the states it has applied, and read all states.

        Returns None while PostgreSQL does not answer, and `answers` is False then.
        """
        self._wanted.clear()
        row = {**_row(own, applied), **asdict(progress)}
        try:
            polled = await self._queries.ask(lambda connection: self._poll(connection, row), _TIMEOUT)
        except (UnavailableError, psycopg.Error) as error:
            if self.answers:
                log.warning("the last state is kept, PostgreSQL cannot be polled", error=str(error))
            self.answers = False
            return None
        if not self.answers:
            log.info("PostgreSQL answers")
        self.answers = True
        return polled

    async def _poll(self, connection: Connection, row: dict[str, Any]) -> Polled:
        asked_at = time.monotonic()
        rows = await fetch_all(connection, __package__, "poll_state", row)
        self._clock.add(rows[0][0], time.monotonic(), asked_at=asked_at)
        states = [
            ControlState(scope, epoch, revision, Desired(desired))
            for _, scope, epoch, revision, desired, _ in rows
            if scope is not None
        ]
        return Polled(states, [name_of(*process) for *_, listed in rows for process in listed or ()], asked_at)


def _row(own: Heartbeat, applied: Iterable[ControlState]) -> dict[str, Any]:
    """This process's row: its heartbeat, and the order of each customer's state that it has applied."""
    return {
        "instance": own.instance,
        "process": own.process,
        "role": own.role,
        "host": own.host,
        "pid": own.pid,
        "version": own.version,
        "started_at": own.started_at,
        "epoch": own.epoch,
        "revision": own.revision,
        "actual": own.actual,
        "in_flight": own.in_flight,
        "buses": Jsonb(own.buses),
        "scopes": Jsonb({state.scope: state.order for state in applied if state.scope != GLOBAL_SCOPE}),
    }
