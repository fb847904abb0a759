"""The clock of the database as this process knows it: never ahead of the real one, so that nothing is sent early."""

import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sendoff_db.pool import Connection
from sendoff_domain.errors import UnavailableError

_SAMPLES = 8
#: A reading that is so far behind what was believed (seconds) is believed, late answer or clock set back.
_DOUBT = 0.01


@dataclass(slots=True)
class DatabaseClock:
    """A lower bound of the database's clock from round trips (Cristian's algorithm, taking the pessimistic end).

    The server read its clock after it was asked and before its answer arrived, so `reading + time since the answer` is
    never ahead of it. The best of the last few samples is used, unless a sample shows that it is ahead by now: then the
    clock was set back, and only that sample counts. A slow answer, which can show no such thing, counts alone as well:
    until the next sample that makes messages late by the time it took.
    """

    #: When the newest sample was there (`time.monotonic()`).
    read_at: float = float("-inf")
    _offsets: deque[float] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    _bounds: deque[float] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    _best: float = 0.0
    _least: float = 0.0

    @property
    def known(self) -> bool:
        """Whether at least one sample was taken."""
        return bool(self._offsets)

    def add(self, database_seconds: float, answered_at: float, *, asked_at: float | None = None) -> None:
        """Take a sample: the database's clock (Unix seconds), and `time.monotonic()` around the question.

        Without `asked_at` the reading counts as exact.
        """
        offset = database_seconds - answered_at
        most = database_seconds - (answered_at if asked_at is None else asked_at)
        if self._best > min(most, offset + _DOUBT):
            self._offsets.clear()
        if self._least < offset:  # the clock was set ahead
            self._bounds.clear()
        self._offsets.append(offset)
        self._bounds.append(most)
        self._best, self._least = max(self._offsets), min(self._bounds)
        self.read_at = answered_at

    def catch_up(self, database_seconds: float) -> None:
        """Count a reading that came with an answer to somebody else, such as when a claim was made (Unix seconds).

        It was read before now, so it is a lower bound as well. One above what the samples allow is of a clock that was
        set back since, and does not count.
        """
        offset = database_seconds - time.monotonic()
        if self._best < offset <= self._least:
            self._offsets.append(offset)
            self._best = offset

    def now(self) -> float:
        """The database's clock in Unix seconds, or slightly less."""
        return time.monotonic() + self._best

    def at_latest(self) -> float:
        """The database's clock in Unix seconds, or slightly more: a wait that is counted from here is never too short.

        The server read its clock after it was asked, so `reading + time since the question` is never behind it.
        """
        return time.monotonic() + self._least

    async def sample(self, connection: Connection) -> None:
        """Ask the database for its time once."""
        asked_at = time.monotonic()
        cursor = await connection.execute(b"SELECT extract(epoch FROM clock_timestamp())::float8")
        row = await cursor.fetchone()
        answered_at = time.monotonic()
        if row is not None:
            self.add(row[0], answered_at, asked_at=asked_at)


async def read_now(connection: Connection) -> datetime:
    """What the database's clock says."""
    cursor = await connection.execute(b"SELECT extract(epoch FROM clock_timestamp())::float8")
    row = await cursor.fetchone()
    if row is None:
        raise UnavailableError("the database did not tell its time")
    return datetime.fromtimestamp(row[0], UTC)
