"""The fallback that never fails silently: every two seconds each process reports itself and reads all states."""

import asyncio
import contextlib
import logging
import random
import time
from dataclasses import dataclass
from typing import Any

import psycopg

from sendoff_control.bounded_queries import BoundedQueries
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all
from sendoff_domain.control import ControlState, Desired
from sendoff_domain.errors import UnavailableError

INTERVAL = 2.0
_SPREAD = 0.1
_TIMEOUT = 2.0
#: However often a poll is asked for, this long passes between two of them.
_PAUSE = 0.01

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Polled:
    """All states, and the `time.monotonic()` at which they were asked for."""

    states: list[ControlState]
    asked_at: float


class Poller:
    """Asks PostgreSQL with `poll_state.sql`, every two seconds and whenever `soon` was called."""

    def __init__(self, postgres: BoundedQueries, clock: DatabaseClock) -> None:
        self._postgres = postgres
        self._clock = clock
        self._wanted = asyncio.Event()
        self.answers: bool = False

    def soon(self) -> None:
        """Ask for a poll now: something was applied, or may have been missed."""
        self._wanted.set()

    async def wait(self) -> None:
        """Wait until the next poll."""
        await asyncio.sleep(_PAUSE)
        pause = INTERVAL * random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 spreads load, keeps no secret
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._wanted.wait()

    async def poll(self, report: dict[str, Any]) -> Polled | None:
        """Write the values of this process's row and read all states; None while PostgreSQL does not answer."""
        self._wanted.clear()
        try:
            polled = await self._postgres.ask(lambda connection: self._poll(connection, report), _TIMEOUT)
        except (UnavailableError, psycopg.Error) as error:
            if self.answers:
                _log.warning("control: the last state is kept, PostgreSQL cannot be polled: %s", error)
            self.answers = False
            return None
        if not self.answers:
            _log.info("control: PostgreSQL answers")
        self.answers = True
        return polled

    async def _poll(self, connection: Connection, report: dict[str, Any]) -> Polled:
        asked_at = time.monotonic()
        rows = await fetch_all(connection, __package__, "poll_state", report)
        self._clock.add(rows[0][0], time.monotonic())
        states = [
            ControlState(scope, epoch, revision, Desired(desired))
            for _, scope, epoch, revision, desired in rows
            if scope is not None
        ]
        return Polled(states, asked_at)
