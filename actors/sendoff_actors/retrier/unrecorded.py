"""Failed attempts on their way into the database: they wait in this process, and their messages stay claimed."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import msgspec
import structlog

from sendoff_actors.handoffs import FailedAttempt, Undeliverable
from sendoff_actors.micro_batches import MicroBatches
from sendoff_actors.retrier.handler import Retrying
from sendoff_domain.errors import UnavailableError

log = structlog.get_logger("sendoff.retrier")

#: What stands in an attempt whose own details PostgreSQL refuses: that it was made counts more than what came of it.
_LEFT_OUT = "the database refused the details of this attempt"


class _Waiting(NamedTuple):
    failure: FailedAttempt
    let_go: Callable[[], None]


class UnrecordedFailures:
    """Takes failed attempts and records each, however long that takes; run `batches` as a service.

    `hold` keeps the claim of a failed attempt's message until the function that it returns is called, so that the
    message is not sent again meanwhile. After an outage `mark` tells of the attempts that wait those who may claim
    their messages then, and `recorded` that this is over. `bury` hands on what has no attempt left; all of them may
    fail silently, leases make that good.
    """

    def __init__(
        self,
        *,
        retrying: Retrying,
        hold: Callable[[FailedAttempt], Callable[[], None]],
        mark: Callable[[Sequence[FailedAttempt]], Awaitable[None]],
        recorded: Callable[[Sequence[FailedAttempt]], Awaitable[None]],
        bury: Callable[[Sequence[Undeliverable]], Awaitable[None]],
    ) -> None:
        self._retrying = retrying
        self._hold = hold
        self._mark = mark
        self._recorded = recorded
        self._bury = bury
        self.batches = MicroBatches("failed attempts", self._record, set_aside=self._set_aside, largest=100)

    def take(self, failures: Sequence[FailedAttempt]) -> None:
        """Record these soon; one that comes twice counts once."""
        for failure in failures:
            self.batches.put(_Waiting(failure, self._hold(failure)))

    async def _record(self, waiting: list[_Waiting]) -> None:
        failures = [one.failure for one in waiting]
        try:
            undeliverable = await self._retrying.handle(failures)
        except UnavailableError:
            await self._mark(failures)
            raise
        for one in waiting:
            one.let_go()
        await self._recorded(failures)
        if undeliverable:
            await self._bury(undeliverable)

    def _set_aside(self, waiting: _Waiting, why: str) -> None:
        failure = waiting.failure
        if failure.detail == _LEFT_OUT:
            log.error("a failed attempt is not counted, its lease will run out", message=failure.id, error=why)
            waiting.let_go()
            return
        log.error("a failed attempt loses its details", message=failure.id, error=why)
        bare = msgspec.structs.replace(failure, detail=_LEFT_OUT, answer=b"", retry_after=None)
        self.batches.put(waiting._replace(failure=bare))
