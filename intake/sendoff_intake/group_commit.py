"""The door for submissions: one by one they share commits, many at once come in chunks, and some need an admission.

Group commit: submissions that arrive during a flush share the next one, which starts beside it if they are many.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from sendoff_db.failures import describe
from sendoff_domain.errors import UnavailableError
from sendoff_intake.admission import AdmittedChunks, Admitter
from sendoff_intake.store import Chunks, MessageStore
from sendoff_intake.submission import Result, Submission

_MOST_PER_FLUSH = 500
#: A second flush uses the time in which the first one waits for the disk: a third more messages a second. It starts
#: when there is enough for it; a small one costs more than it saves.
_MOST_FLUSHES = 2
_ENOUGH = 16
_MOST_PENDING = 5_000
_OVERLOADED = "too many messages wait to be stored; slow down"
_UNKNOWN = "it is not known whether the message was stored; with an Idempotency-Key it is safe to send it again"
_log = structlog.get_logger("sendoff.accept")


class _Pending(NamedTuple):
    submission: Submission
    result: asyncio.Future[Result]


class GroupCommit:
    """Takes submissions one by one and stores them together; each is answered after the commit that holds it.

    A flush starts in the turn of the loop after the first submission arrived: none waits for others to come. It
    belongs to the event loop that it is made in.
    """

    def __init__(self, store: MessageStore) -> None:
        self._store = store
        # Kept, because asking for the running loop is a system call in Python 3.11: 5 % of accepting a message.
        self._loop = asyncio.get_running_loop()
        self._pending: deque[_Pending] = deque()
        self._flushes: set[asyncio.Task[None]] = set()
        self._is_scheduled = False

    async def store(self, submission: Submission) -> Result:
        """Store one submission; raises UnavailableError when too many are pending, or when the outcome is unknown."""
        if len(self._pending) >= _MOST_PENDING:
            raise UnavailableError(_OVERLOADED)
        result: asyncio.Future[Result] = self._loop.create_future()
        self._pending.append(_Pending(submission, result))
        self._schedule()
        return await result

    async def close(self) -> None:
        """Flush until nothing is pending; from now on no submission may come."""
        while self._pending or self._flushes:
            self._start_flushes()
            await asyncio.wait(self._flushes)

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._start_flushes)

    def _start_flushes(self) -> None:
        self._is_scheduled = False
        while self._pending and self._may_flush():
            batch = [self._pending.popleft() for _ in range(min(len(self._pending), _MOST_PER_FLUSH))]
            flush = self._loop.create_task(self._flush(batch))
            self._flushes.add(flush)
            flush.add_done_callback(self._ended)

    def _may_flush(self) -> bool:
        return not self._flushes or (len(self._flushes) < _MOST_FLUSHES and len(self._pending) >= _ENOUGH)

    def _ended(self, flush: asyncio.Task[None]) -> None:
        self._flushes.discard(flush)
        self._schedule()

    async def _flush(self, batch: Sequence[_Pending]) -> None:
        results: Sequence[Result | Exception]
        try:
            results = await self._store.store([pending.submission for pending in batch])
        except Exception as error:  # noqa: BLE001 whatever it is, every pending submission has to be answered
            _log.warning("a flush failed", messages=len(batch), error=describe(error))
            results = [UnavailableError(_UNKNOWN)] * len(batch)
        for pending, result in zip(batch, results, strict=True):
            _answer(pending.result, result)


def _answer(waiting: asyncio.Future[Result], result: Result | Exception) -> None:
    if waiting.done():  # the request was cancelled
        return
    if isinstance(result, Exception):
        waiting.set_exception(result)
    else:
        waiting.set_result(result)


class AdmittingIntake:
    """A GroupCommit and a MessageStore behind an Admitter; messages of customers without a limit go straight on."""

    def __init__(self, admitter: Admitter, group_commit: GroupCommit, store: MessageStore) -> None:
        self._admitter = admitter
        self._figures = admitter.figures
        self._group_commit = group_commit
        self._store = store

    async def store(self, submission: Submission) -> Result:
        """Store one submission; raises as `GroupCommit.store` does."""
        if not self._figures.has_limit(submission.message.customer):
            return await self._group_commit.store(submission)
        admission = await self._admitter.admit([submission])
        if admission.rejected:
            return admission.rejected[0]
        try:
            result = await self._group_commit.store(submission)
            admission.end([result])
        finally:
            admission.give_up()
        return result

    async def store_batch(self, chunks: Chunks) -> list[Result | Exception]:
        """Store all chunks; raises as `MessageStore.store_batch` does."""
        admitted = AdmittedChunks(self._admitter, chunks)
        try:
            return admitted.end(await self._store.store_batch(admitted))
        finally:
            admitted.give_up()
