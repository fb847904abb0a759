"""Writes submissions into the database, each once, and hints to the workers that something is due at once.

What cannot be written does not hold back the rest. A hint saves a message the wait for the workers' next interval.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from prometheus_client import Counter
from psycopg import Error, errors

from sendoff_config.settings import PartitionSettings
from sendoff_db.clock import DatabaseClock
from sendoff_db.failures import is_outage
from sendoff_db.partitions import make_partitions
from sendoff_db.pool import Pool
from sendoff_intake.insert import insert
from sendoff_intake.submission import Result, Stored, Submission

#: A statement, and a batch, that takes longer has lost its server; the client is told that the outcome is unknown.
_STATEMENT_SECONDS = 5
_BATCH_SECONDS = 20
#: Between the tries of what an outage keeps from being written (seconds): after a restart of PostgreSQL each connection
#: of the pool may be a broken one, and a failover takes a moment.
PAUSES = (0.0, 0.05, 0.2, 0.5, 1.0)
#: Connections that batches leave to other requests.
_CONNECTIONS_LEFT = 2
#: However much is accepted, hints stay this far apart (seconds).
_GAP = 0.01
#: What is due later than this is claimed in time anyway (seconds).
_SOON = 0.2


class Chunks(Protocol):
    """A batch in chunks, each of which is made while the one before is written."""

    @property
    def is_one_chunk(self) -> bool:
        """Whether the first chunk is the last one."""
        ...

    async def next_chunk(self) -> list[Submission] | None:
        """The next submissions, None after the last chunk."""
        ...


class WakeUp:
    """Sends a hint when something due was stored: at once, and then at most one for each gap."""

    def __init__(self, clock: DatabaseClock, send: Callable[[], None]) -> None:
        self._clock = clock
        self._send = send
        self._resting = False
        self._again = False

    def stored(self, results: Iterable[Result | Exception]) -> None:
        """Look at what was stored by one statement."""
        soon = datetime.fromtimestamp(self._clock.now() + _SOON, UTC)
        if any(isinstance(result, Stored) and result.deliver_at <= soon for result in results):
            self._hint()

    def _hint(self) -> None:
        if self._resting:
            self._again = True
            return
        self._send()
        self._resting = True
        asyncio.get_running_loop().call_later(_GAP, self._rested)

    def _rested(self) -> None:
        self._resting = False
        if self._again:
            self._again = False
            self._hint()


class MessageStore:
    """Stores submissions, counts what is new and wakes the workers for what is due; a result stands for each.

    What the database refuses has its error as its result. Raises psycopg.Error or TimeoutError after an outage: it is
    not known then what was stored.
    """

    def __init__(self, *, pool: Pool, partitions: PartitionSettings, wake_up: WakeUp, accepted: Counter) -> None:
        self._pool = pool
        self._partitions = partitions
        self._wake_up = wake_up
        self._accepted = accepted
        self._batches = asyncio.Semaphore(max(1, pool.max_size - _CONNECTIONS_LEFT))

    async def store(self, submissions: Sequence[Submission]) -> list[Result | Exception]:
        """Store the submissions together; halves that the database refuses are stored apart."""
        results = await self._store_halving(submissions, repeated=False)
        self._report(results)
        return results

    async def store_batch(self, chunks: Chunks) -> list[Result | Exception]:
        """Store all chunks, and return after the commit that holds everything.

        The chunks are cut by the places of the items in their batch: two batches with the same key take their keys in
        the same order and never wait for each other in a circle.
        """
        async with self._batches:
            if chunks.is_one_chunk:
                results = await self._store_halving(await chunks.next_chunk() or [], repeated=False)
            else:
                results = await self._store_chunks(chunks)
        self._report(results)
        return results

    def _report(self, results: Sequence[Result | Exception]) -> None:
        self._wake_up.stored(results)
        self._accepted.inc(sum(isinstance(result, Stored) and not result.replayed for result in results))

    async def _store_halving(self, submissions: Sequence[Submission], *, repeated: bool) -> list[Result | Exception]:
        try:
            return list(await self._insert_with_retry(submissions, repeated=repeated))
        except Error as error:
            if is_outage(error):
                raise
            if len(submissions) == 1:
                return [error]
        half = len(submissions) // 2
        first = await self._store_halving(submissions[:half], repeated=repeated)
        return first + await self._store_halving(submissions[half:], repeated=repeated)

    async def _insert_with_retry(self, submissions: Sequence[Submission], *, repeated: bool) -> list[Result]:
        """Store all or none; again after an outage, because the ids are ours: nothing is stored twice."""
        async with asyncio.timeout(_STATEMENT_SECONDS):
            for pause in PAUSES:
                try:
                    return await self._insert(submissions, repeated=repeated)
                except Error as error:
                    if not is_outage(error):
                        raise
                repeated = True
                await asyncio.sleep(pause)
            return await self._insert(submissions, repeated=repeated)

    async def _insert(self, submissions: Sequence[Submission], *, repeated: bool) -> list[Result]:
        async with self._pool.connection() as connection:
            try:
                return await insert(connection, submissions, repeated=repeated)
            except errors.CheckViolation:
                # No partition for this moment: none was made ahead for days. Then it is made here.
                await make_partitions(connection, self._partitions.every, self._partitions.ahead, datetime.now(UTC))
                return await insert(connection, submissions, repeated=repeated)

    async def _store_chunks(self, chunks: Chunks) -> list[Result | Exception]:
        taken: list[Submission] = []
        try:
            return await self._write(chunks, taken)
        except Error:
            # A refused row, an outage, a missing partition: the careful way copes with each of them.
            # `repeated`, because the commit may have happened although its answer was lost.
            while (chunk := await chunks.next_chunk()) is not None:
                taken += chunk
            return await self._store_halving(taken, repeated=True)

    async def _write(self, chunks: Chunks, taken: list[Submission]) -> list[Result | Exception]:
        """Write a chunk while the next one is made, in one transaction; what was made is in `taken`, come what may."""
        results: list[Result | Exception] = []
        writing: asyncio.Task[list[Result]] | None = None
        async with asyncio.timeout(_BATCH_SECONDS), self._pool.connection() as connection, connection.transaction():
            try:
                while (chunk := await chunks.next_chunk()) is not None:
                    taken += chunk
                    if writing is not None:
                        results += await writing
                    writing = asyncio.create_task(insert(connection, chunk, repeated=False))
                if writing is not None:
                    results += await writing
            finally:
                if writing is not None and not writing.done():  # nothing may end the transaction in the midst of it
                    await asyncio.wait([writing])
        return results
