"""The fallback that never fails silently: every two seconds each process reports itself and reads all states."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Any

import psycopg

from sendoff_control.bounded_queries import Postgres
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.control import ControlState, Desired
from sendoff_domain.errors import UnavailableError

INTERVAL = 2.0
_SPREAD = 0.1
_TIMEOUT = 2.0
#: However often a turn is asked for, this long passes between two of them.
_PAUSE = 0.01

_log = logging.getLogger(__name__)


class Poller:
    """Runs `poll_state.sql` every two seconds and whenever `soon` was called.

    `report` gives the values of this process's row, `take` gets the states and the `time.monotonic()` of the question.
    """

    def __init__(
        self,
        postgres: Postgres,
        clock: DatabaseClock,
        report: Callable[[], dict[str, Any]],
        take: Callable[[list[ControlState], float], None],
    ) -> None:
        self._postgres = postgres
        self._clock = clock
        self._report = report
        self._take = take
        self._wanted = asyncio.Event()
        self.answers: bool = False

    def soon(self) -> None:
        """Ask for a turn now: something was applied, or may have been missed."""
        self._wanted.set()

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            await self.turn()
            await asyncio.sleep(_PAUSE)
            await self._rest()

    async def turn(self) -> None:
        """One poll; while PostgreSQL does not answer everything stays as it is."""
        self._wanted.clear()
        try:
            states, asked_at = await self._postgres.ask(self._poll, _TIMEOUT)
        except (UnavailableError, psycopg.Error) as error:
            if self.answers:
                _log.warning("control: the last state is kept, PostgreSQL cannot be polled: %s", error)
            self.answers = False
            return
        if not self.answers:
            _log.info("control: PostgreSQL answers")
        self.answers = True
        self._take(states, asked_at)

    async def _rest(self) -> None:
        pause = INTERVAL * random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 spreads load, keeps no secret
        try:
            async with asyncio.timeout(pause):
                await self._wanted.wait()
        except TimeoutError:
            pass

    async def _poll(self, connection: Connection) -> tuple[list[ControlState], float]:
        asked_at = time.monotonic()
        cursor = await connection.execute(read_statement(__package__, "poll_state"), self._report())
        rows = await cursor.fetchall()
        answered_at = time.monotonic()
        self._clock.add(rows[0][0], answered_at)
        states = [
            ControlState(scope, epoch, revision, Desired(desired))
            for _, scope, epoch, revision, desired in rows
            if scope is not None
        ]
        return states, asked_at
