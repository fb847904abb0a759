"""Recording: what became of each message is written in micro-batches, and then the message is held no longer.

delivered   -> marker in Redis -> row in `deliveries`, so that a crash in between sends nothing twice
failed      -> hand-off to the Retrier, of this process if Redis takes none
undelivered -> hand-off to the DeadLetterer
unsent      -> back to `due`

What is held has its lease renewed, so nothing may be held that nothing is done about any more: what can't be written
at all is let go of, and its lease brings it back.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
import structlog
from psycopg import errors

from sendoff_actors.broker import Enqueuer
from sendoff_actors.handoffs import ActorName, FailedAttempt, Undeliverable
from sendoff_actors.micro_batches import MicroBatches
from sendoff_actors.release import release_unsent
from sendoff_actors.sender.attempt_log import AttemptLog
from sendoff_actors.sender.breakers import OutcomeCounts
from sendoff_actors.sender.delivery_metrics import DeliveryMetrics
from sendoff_actors.sender.holdings import ClaimedMessage, Holdings
from sendoff_actors.sender.markers import Marker, Markers
from sendoff_db.clock import DatabaseClock
from sendoff_db.failures import outages_as_unavailable
from sendoff_db.packed_arrays import pack_bigints, pack_floats, pack_optional_texts, pack_uuids
from sendoff_db.partitions import ensure_partitions
from sendoff_db.pool import Pool
from sendoff_db.sql import ask_in_index_order
from sendoff_domain.errors import UnavailableError
from sendoff_domain.ids import created_seconds
from sendoff_domain.message import DeathReason
from sendoff_domain.outcome import Delivered, Failed, Outcome

log = structlog.get_logger("sendoff.sender")

#: Deliveries are recorded this far apart (seconds): the more together, the less each costs. Their markers are there.
_GATHER = 0.02

_Sent: TypeAlias = tuple[ClaimedMessage, Marker]
_Tried: TypeAlias = tuple[ClaimedMessage, FailedAttempt]


class Recorder:
    """Takes outcomes one by one, which costs no I/O; its `batches` write them and let go of the messages.

    `every` is how long a partition of `deliveries` is. `keep_failures` is called with failed attempts that can't be
    handed to the Retrier of another process. Without `metrics` nothing is counted for Prometheus.
    """

    def __init__(
        self,
        *,
        clock: DatabaseClock,
        pool: Pool,
        every: Literal["day", "hour"],
        markers: Markers,
        enqueuer: Enqueuer,
        holdings: Holdings,
        outcomes: OutcomeCounts,
        keep_failures: Callable[[Sequence[FailedAttempt]], None],
        metrics: DeliveryMetrics | None,
        attempts: AttemptLog,
    ) -> None:
        self._clock = clock
        self._pool = pool
        self._every = every
        self._markers = markers
        self._enqueuer = enqueuer
        self._holdings = holdings
        self._outcomes = outcomes
        self._keep_failures = keep_failures
        self._metrics = metrics
        self._attempts = attempts
        self._is_leaving = False
        self._released = MicroBatches("releases", self._release, set_aside=self._let_go, patience=())
        self._marked: MicroBatches[_Sent] = MicroBatches(
            "deliveries", self._record_sent, set_aside=lambda sent, why: self._let_go(sent[0], why), rest=_GATHER
        )
        self._sent: MicroBatches[_Sent] = MicroBatches(
            "markers", self._mark, set_aside=lambda sent, _: self._marked.put(sent), patience=()
        )
        self._failed: MicroBatches[_Tried] = MicroBatches(
            "failures", self._hand_to_retrier, set_aside=lambda tried, why: self._let_go(tried[0], why), largest=100
        )
        self._undeliverable = MicroBatches("undeliverable", self._hand_to_dead_letterer, set_aside=_leave)
        #: To be run as services until `drain` is over; in the order in which they are drained.
        self.batches: list[MicroBatches[Any]] = [
            self._released,
            self._sent,
            self._marked,
            self._failed,
            self._undeliverable,
        ]

    def record(self, message: ClaimedMessage, outcome: Outcome, started_at: float) -> None:
        """Record what came of a request that began at `started_at` (Unix seconds of the database's clock)."""
        self._outcomes.note(message.claimed, outcome)
        if isinstance(outcome, Delivered):
            sent_at = self._clock.now()
            marker = Marker(sent_at, outcome.status_code, outcome.duration_us, outcome.external_message_id)
            self._sent.put((message, marker))
            if self._attempts.delivered:
                self._attempts.write(message.claimed, outcome, started_at)
            return
        if self._attempts.failed:
            self._attempts.write(message.claimed, outcome, started_at)
        if self._metrics is not None:
            self._metrics.count_failed(message, outcome, started_at)
        self._failed.put((message, _failed_attempt(message, outcome, started_at, self._clock.at_latest())))

    def record_marked(self, message: ClaimedMessage, marker: Marker) -> None:
        """Record a message that was sent under an earlier claim, as its marker tells, which is written anew."""
        if self._metrics is not None:
            self._metrics.count_avoided()
        self._sent.put((message, marker))

    def record_again(self, message: ClaimedMessage, failure: FailedAttempt) -> None:
        """Record an attempt that failed under an earlier claim and was not recorded, as Redis tells."""
        self._failed.put((message, msgspec.structs.replace(failure, token=message.claimed.token)))

    def release(self, message: ClaimedMessage) -> None:
        """Give a message back that was not sent."""
        self._released.put(message)

    def bury(self, message: ClaimedMessage, reason: DeathReason) -> None:
        """Hand a message to the DeadLetterer without another attempt."""
        self._undeliverable.put(Undeliverable(message.claimed.id, message.claimed.token, reason))
        self._holdings.forget([message])

    def leave(self) -> None:
        """Hand no failed attempt to another process any more: there may be none until this one is started again."""
        self._is_leaving = True

    async def drain(self, grace: float) -> None:
        """Wait until all is written, up to `grace` seconds for each kind; the leases heal what is left then."""
        for batches in self.batches:
            await batches.drain(grace)
        await self._markers.close()

    async def _mark(self, sent: list[_Sent]) -> None:
        await self._markers.write([(message.claimed, marker) for message, marker in sent])
        self._marked.put_all(sent)

    async def _record_sent(self, sent: list[_Sent]) -> None:
        lost = await record_sent(self._pool, sent, self._every)
        if lost:
            log.warning("sent on lost claims", sent=len(sent), lost=len(lost))
        if self._metrics is not None:
            self._metrics.count_delivered(sent, lost)
        self._markers.recorded([message.claimed for message, _ in sent if message.claimed.id not in lost])
        self._holdings.forget([message for message, _ in sent])

    async def _release(self, unsent: list[ClaimedMessage]) -> None:
        try:
            with outages_as_unavailable("release_unsent"):
                await release_unsent(self._pool, [message.claimed for message in unsent])
        except UnavailableError as error:
            log.warning("not given back, the lease will run out", messages=len(unsent), error=str(error))
        self._holdings.forget(unsent)

    async def _hand_to_retrier(self, tried: list[_Tried]) -> None:
        failures = [failure for _, failure in tried]
        if self._is_leaving or not await self._takes(failures):
            self._keep_failures(failures)
        self._holdings.forget([message for message, _ in tried])

    async def _takes(self, failures: list[FailedAttempt]) -> bool:
        """Whether Redis takes the hand-off; if it seems not to but did, the attempt still counts once."""
        try:
            await self._enqueuer.enqueue(ActorName.RETRY, failures)
        except UnavailableError as error:
            log.warning("failed attempts stay in this process", attempts=len(failures), error=str(error))
            return False
        return True

    def _let_go(self, message: ClaimedMessage, why: str) -> None:
        log.error("set aside, its lease will run out", message=message.claimed.id, error=why)
        self._holdings.forget([message])

    async def _hand_to_dead_letterer(self, undeliverable: list[Undeliverable]) -> None:
        await self._enqueuer.enqueue(ActorName.BURY, undeliverable)


async def record_sent(pool: Pool, sent: Sequence[_Sent], every: Literal["day", "hour"]) -> frozenset[str]:
    """Record deliveries; returns the ids of those whose claims did not hold any more (a newer one took them over).

    Of what was recorded already, before an outage hid that, it seems so as well. Raises UnavailableError after an
    outage, and psycopg.Error for poison.
    """
    claims, markers = [message.claimed for message, _ in sent], [marker for _, marker in sent]
    values = {
        "ids": pack_uuids([claim.id for claim in claims]),
        "tokens": pack_bigints([claim.token for claim in claims]),
        "created": pack_floats([created_seconds(claim.id) for claim in claims]),
        "sent": pack_floats([marker.sent_at for marker in markers]),
        "statuses": pack_bigints([marker.status_code for marker in markers]),
        "durations": pack_bigints([marker.duration_us for marker in markers]),
        "external": pack_optional_texts([marker.external_message_id for marker in markers]),
    }
    try:
        ((lost,),) = await ask_in_index_order(pool, __package__, "record_sent", values)
    except errors.CheckViolation:
        with outages_as_unavailable("partitions"):
            await ensure_partitions(pool, "deliveries", every, [marker.sent_at for _, marker in sent])
        ((lost,),) = await ask_in_index_order(pool, __package__, "record_sent", values)
    return frozenset(lost or ())


def _leave(undeliverable: Undeliverable, why: str) -> None:
    """It is held no longer: the process that claims it next finds that it has to be buried, too."""
    log.error("not handed to the DeadLetterer", message=undeliverable.id, error=why)


def _failed_attempt(message: ClaimedMessage, outcome: Failed, started_at: float, over_by: float) -> FailedAttempt:
    claimed = message.claimed
    return FailedAttempt(
        id=claimed.id,
        customer=claimed.customer,
        incarnation=claimed.incarnation,
        token=claimed.token,
        attempt=claimed.attempts + 1,
        generation=claimed.generation,
        expires_at=claimed.expires_at,
        started_at=started_at,
        duration_us=outcome.duration_us,
        status_code=outcome.status_code,
        error_class=outcome.error_class,
        detail=outcome.detail[:500],
        answer=outcome.answer,
        retry_after=outcome.retry_after.total_seconds() if outcome.retry_after is not None else None,
        final=outcome.final,
        retry=claimed.retry,
        over_by=over_by,
    )
