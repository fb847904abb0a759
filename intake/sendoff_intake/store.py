"""Writes submissions into the database, each once, and hints to the workers that something is due at once.

What cannot be written does not hold back the rest. A hint saves a message the wait for the workers' next interval.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from psycopg import Error, errors

from sendoff_config.settings import PartitionSettings
from sendoff_db.clock import DatabaseClock
from sendoff_db.failures import is_outage
from sendoff_db.packed_arrays import (
    PackedArray,
    pack_bigints,
    pack_durations,
    pack_encoded,
    pack_moments,
    pack_optional_bytes,
    pack_optional_texts,
    pack_texts,
    pack_uuids,
)
from sendoff_db.partitions import make_partitions
from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import Row, fetch_all
from sendoff_domain.ids import created_at, created_ms
from sendoff_intake.accepted_messages import AcceptedMessages
from sendoff_intake.submission import NewMessage, Reason, Rejected, Result, Stored, Submission, reject_unknown_customer

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
_PACKAGE = "sendoff_intake"
_KEY_REUSED = Rejected(Reason.KEY_REUSED, "this Idempotency-Key was used for another body")


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
    """Stores submissions, counts what is new if asked to, and wakes the workers for what is due; a result for each.

    What the database refuses has its error as its result. Raises psycopg.Error or TimeoutError after an outage: it is
    not known then what was stored.
    """

    def __init__(
        self, *, pool: Pool, partitions: PartitionSettings, wake_up: WakeUp, accepted: AcceptedMessages | None = None
    ) -> None:
        self._pool = pool
        self._partitions = partitions
        self._wake_up = wake_up
        self._accepted = accepted
        self._batches = asyncio.Semaphore(max(1, pool.max_size - _CONNECTIONS_LEFT))

    async def store(self, submissions: Sequence[Submission]) -> list[Result | Exception]:
        """Store the submissions together; halves that the database refuses are stored apart."""
        results = await self._store_halving(submissions, repeated=False)
        self._report(submissions, results)
        return results

    async def store_batch(self, chunks: Chunks) -> list[Result | Exception]:
        """Store all chunks, and return after the commit that holds everything.

        The chunks are cut by the places of the items in their batch: two batches with the same key take their keys in
        the same order and never wait for each other in a circle.
        """
        async with self._batches:
            taken: list[Submission] = []
            if chunks.is_one_chunk:
                taken += await chunks.next_chunk() or []
                results = await self._store_halving(taken, repeated=False)
            else:
                results = await self._store_chunks(chunks, taken)
        self._report(taken, results)
        return results

    def _report(self, submissions: Sequence[Submission], results: Sequence[Result | Exception]) -> None:
        self._wake_up.stored(results)
        if self._accepted is not None:
            self._accepted.count(submissions, results)

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
                await make_partitions(connection, self._partitions.every, self._partitions.ahead)
                return await insert(connection, submissions, repeated=repeated)

    async def _store_chunks(self, chunks: Chunks, taken: list[Submission]) -> list[Result | Exception]:
        """Store what the chunks bring; all of it is in `taken` then."""
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


async def insert(connection: Connection, submissions: Sequence[Submission], *, repeated: bool) -> list[Result]:
    """Store the submissions, all or none; `repeated` when some of them may be in the database already."""
    if not submissions:
        return []
    if repeated or any(submission.key is not None for submission in submissions):
        return await _insert_once(connection, submissions)
    customers = list({submission.message.customer for submission in submissions})
    values = {**_columns(submissions), "named": pack_texts(customers)}
    ((now, unknown),) = await fetch_all(connection, _PACKAGE, "accept_new_messages", values, binary=True)
    return _stored_at(now.astimezone(UTC), set(unknown), submissions)


def _stored_at(now: datetime, unknown: set[str], submissions: Sequence[Submission]) -> list[Result]:
    return [
        reject_unknown_customer(submission.message.customer)
        if submission.message.customer in unknown
        else Stored(submission.hex_id, _deliver_at(submission.message, now))
        for submission in submissions
    ]


def _deliver_at(message: NewMessage, now: datetime) -> datetime:
    # As the statement has it.
    if message.deliver_at is not None:
        return max(message.deliver_at, now)
    return now if message.delay is None else now + message.delay


async def _insert_once(connection: Connection, submissions: Sequence[Submission]) -> list[Result]:
    keys = {
        "keys": pack_optional_texts([submission.key for submission in submissions]),
        "hashes": pack_optional_bytes([submission.body_hash for submission in submissions]),
    }
    rows = await fetch_all(connection, _PACKAGE, "accept_messages", {**_columns(submissions), **keys}, binary=True)
    # What was stored while the statement waited for a key has a later commit, which the statement does not see.
    unseen = {message_id.hex for _, message_id, _, deliver_at in rows if deliver_at is None}
    times: dict[UUID, datetime] = {}
    if unseen:
        ids = {"ids": pack_uuids(list(unseen))}
        times = dict(await fetch_all(connection, _PACKAGE, "read_delivery_times", ids, binary=True))
    return [_result(submission, row, times) for submission, row in zip(submissions, rows, strict=True)]


def _result(submission: Submission, row: Row, times: Mapping[UUID, datetime]) -> Result:
    known, message_id, same_body, deliver_at = row
    if not known:
        return reject_unknown_customer(submission.message.customer)
    if message_id.hex == submission.hex_id and deliver_at is not None:
        return Stored(submission.hex_id, deliver_at)
    if not same_body:
        return _KEY_REUSED
    # A key can outlive its message; then all that is known is when that was made.
    return Stored(message_id.hex, deliver_at or times.get(message_id) or created_at(message_id), replayed=True)


def _columns(submissions: Sequence[Submission]) -> dict[str, PackedArray]:
    messages = [submission.message for submission in submissions]
    return {
        "ids": pack_uuids([submission.hex_id for submission in submissions]),
        "customers": pack_texts([message.customer for message in messages]),
        "recipients": pack_texts([message.to for message in messages]),
        "payloads": pack_encoded([submission.payload for submission in submissions]),
        "given": pack_moments([message.deliver_at for message in messages]),
        "delays": pack_durations([message.delay for message in messages]),
        "expiries": pack_moments([message.expires_at for message in messages]),
        "created": pack_bigints([created_ms(submission.hex_id) for submission in submissions]),
        "retries": pack_optional_texts([message.retry for message in messages]),
        "references": pack_optional_texts([message.reference for message in messages]),
        "traces": pack_optional_texts([submission.trace for submission in submissions]),
    }
