"""The clock of the database as this process knows it: never ahead of the real one, so that nothing is sent early."""

import time
from collections import deque
from dataclasses import dataclass, field

from sendoff_db.pool import Connection

_SAMPLES = 8


@dataclass(slots=True)
class DatabaseClock:
    """A lower bound of the database's clock from round trips (Cristian's algorithm, taking the pessimistic end).

    The server read its clock before its answer arrived, so `reading + time since the answer` is never ahead of it. The
    best of the last few samples is used; an old one falls out, so that a clock that was set back is followed.
    """

    _offsets: deque[float] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    _best: float = 0.0

    @property
    def known(self) -> bool:
        """Whether at least one sample was taken."""
        return bool(self._offsets)

    def add(self, database_seconds: float, answered_at: float) -> None:
        """Take a sample: the database's clock (Unix seconds) and `time.monotonic()` when the answer was there."""
        offset = database_seconds - answered_at
        if self._offsets and abs(offset - max(self._offsets)) > 1:
            self._offsets.clear()  # the clock was set: the old samples speak of another time
        self._offsets.append(offset)
        self._best = max(self._offsets)

    def now(self) -> float:
        """The database's clock in Unix seconds, or slightly less."""
        return time.monotonic() + self._best

    async def sample(self, connection: Connection) -> None:
        """Ask the database for its time once."""
        cursor = await connection.execute(b"SELECT extract(epoch FROM clock_timestamp())::float8")
        row = await cursor.fetchone()
        answered_at = time.monotonic()
        if row is not None:
            self.add(row[0], answered_at)
