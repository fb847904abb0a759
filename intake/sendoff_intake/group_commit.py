"""Group commit: the requests that arrive while one flush is on its way share the next."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog
from aiohttp import web
from prometheus_client import Counter

from sendoff_config.settings import PartitionSettings
from sendoff_db.pool import Pool
from sendoff_domain.errors import UnavailableError
from sendoff_http.web.problems import overloaded
from sendoff_intake.store import store_each
from sendoff_intake.submission import Entry, Result, Stored
from sendoff_intake.wake_up import WakeUp

_MOST_PER_FLUSH = 500
#: A second flush uses the time in which the first one waits for the disk: a third more messages a second. It starts
#: when there is enough for it; a small one costs more than it saves.
_MOST_FLUSHES = 2
_ENOUGH = 16
_MOST_WAITING = 5_000
_UNKNOWN = "it is not known whether the message was stored; with an Idempotency-Key it is safe to send it again"
_log = structlog.get_logger("sendoff.accept")


class _Waiting(NamedTuple):
    entry: Entry
    result: asyncio.Future[Result]


@dataclass(slots=True)
class Acceptor:
    """Takes entries one by one and stores them together; an entry is answered after the commit that holds it.

    Nobody waits for others to come, but who comes while a flush is under way shares the next one.
    """

    pool: Pool
    partitions: PartitionSettings
    wake_up: WakeUp
    accepted: Counter
    # Kept, because asking for the running loop is a system call in Python 3.11: 5 % of accepting a message.
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _flushes: set[asyncio.Task[None]] = field(default_factory=set)
    _closing: bool = False

    async def accept(self, entry: Entry) -> Result:
        """Store one entry; raises ProblemError 503 when too many wait, UnavailableError when the outcome is unknown."""
        if len(self._waiting) >= _MOST_WAITING:
            raise overloaded("too many messages wait to be stored; slow down")
        result: asyncio.Future[Result] = self._loop.create_future()
        self._waiting.append(_Waiting(entry, result))
        self._arrived.set()
        return await result

    async def run(self) -> None:
        """Flush until closed, and until nobody waits any more."""
        while not (self._closing and not self._waiting):
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting and self._may_flush():
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_PER_FLUSH))]
                flush = asyncio.create_task(self._flush(batch))
                self._flushes.add(flush)
                flush.add_done_callback(self._ended)
        if self._flushes:
            await asyncio.wait(self._flushes)

    def close(self) -> None:
        """Let `run` end."""
        self._closing = True
        self._arrived.set()

    def _may_flush(self) -> bool:
        return not self._flushes or (len(self._flushes) < _MOST_FLUSHES and len(self._waiting) >= _ENOUGH)

    def _ended(self, flush: asyncio.Task[None]) -> None:
        self._flushes.discard(flush)
        self._arrived.set()

    async def _flush(self, batch: Sequence[_Waiting]) -> None:
        results: Sequence[Result | Exception]
        try:
            results = await store_each(self.pool, self.partitions, [waiting.entry for waiting in batch])
        except Exception as error:  # noqa: BLE001 whatever it is, the ones who wait must hear of it and the loop go on
            _log.warning("a flush failed", messages=len(batch), error=type(error).__name__, detail=str(error)[:300])
            results = [UnavailableError(_UNKNOWN)] * len(batch)
        for waiting, result in zip(batch, results, strict=True):
            _answer(waiting.result, result)
        self.wake_up.stored(results)
        self.accepted.inc(sum([isinstance(result, Stored) and not result.replayed for result in results]))


def _answer(waiting: asyncio.Future[Result], result: Result | Exception) -> None:
    if waiting.done():  # the request was cancelled
        return
    if isinstance(result, Exception):
        waiting.set_exception(result)
    else:
        waiting.set_result(result)


ACCEPTOR: web.AppKey[Acceptor] = web.AppKey("acceptor", Acceptor)
