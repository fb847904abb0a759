"""Why a message is not delivered yet: everything that it waits for, and when it is tried next."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Cause(StrEnum):
    """What a message can wait for."""

    SCHEDULED = "scheduled"
    RETRY = "retry"
    CLAIMED = "claimed"
    FLEET_STOPPED = "fleet_stopped"
    NO_WORKER = "no_worker"
    REDIS = "redis"
    PAUSED = "paused"
    BREAKER = "breaker"
    RATE = "rate"
    CONCURRENCY = "concurrency"
    SATURATED = "saturated"
    TURN = "turn"


#: What hinders messages from being handed to workers: the states of Redis that a process may see, in words.
REDIS_STATES = {
    "full": "Redis is full: raise its maxmemory",
    "read-only": "Redis takes no writes: it is a replica",
    "unsaved": "Redis takes no writes, since it can't save to its disk",
    "unreplicated": "Redis takes no writes, since too few replicas follow it",
    "down": "Redis does not answer",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an undelivered message and of all that may hold it back: all by the database, but `redis`."""

    customer: str
    now: datetime
    due_at: datetime
    failed_attempts: int
    holder: str | None
    lease_until: datetime | None
    stopped_at: datetime | None
    stop_reason: str | None
    workers: int
    paused_at: datetime | None
    pause_reason: str | None
    breaker_opened_at: datetime | None
    probe_at: datetime | None
    next_slot_at: datetime | None
    concurrency: int | None
    claimed: int
    saturated_until: datetime | None
    redis: str = "up"


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that the message waits for, in words, and until when if that is known."""

    cause: Cause
    detail: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All reasons, the strongest first, and when the message is tried next: None if that is for a person to decide."""

    reasons: tuple[Reason, ...]
    next_try_at: datetime | None


def explain(facts: Facts) -> Explanation:
    """Why the message has not been delivered yet; there is always a reason."""
    if facts.holder is not None:
        detail = f"claimed by the instance {facts.holder}; if its process has died, it is claimed again after its lease"
        return Explanation((Reason(Cause.CLAIMED, detail, facts.lease_until),), facts.due_at)
    decided = _decided(facts)
    timed = [*_due(facts), *_held(facts)]
    reasons = (*decided, *timed)
    if not reasons:
        reasons = (Reason(Cause.TURN, "it is due, and claimed when its customer comes to its turn"),)
    moments = [facts.due_at, facts.now, *(reason.until for reason in timed if reason.until is not None)]
    return Explanation(reasons, None if decided else max(moments))


def _decided(facts: Facts) -> list[Reason]:
    """What lasts until a person acts: a stop, a pause, no worker, no Redis that takes anything."""
    reasons = []
    if facts.stopped_at is not None:
        reasons.append(Reason(Cause.FLEET_STOPPED, _since("the fleet is stopped", facts.stopped_at, facts.stop_reason)))
    if facts.paused_at is not None:
        said = _since(f"customer {facts.customer} is paused", facts.paused_at, facts.pause_reason)
        reasons.append(Reason(Cause.PAUSED, said))
    if not facts.workers:
        reasons.append(Reason(Cause.NO_WORKER, "no worker process is alive"))
    if facts.redis in REDIS_STATES:
        reasons.append(Reason(Cause.REDIS, REDIS_STATES[facts.redis]))
    return reasons


def _due(facts: Facts) -> list[Reason]:
    if facts.due_at <= facts.now:
        return []
    if facts.failed_attempts:
        failed = f"{facts.failed_attempts} attempt{'s' if facts.failed_attempts > 1 else ''} failed; the next one waits"
        return [Reason(Cause.RETRY, failed, facts.due_at)]
    return [Reason(Cause.SCHEDULED, "it is not due yet", facts.due_at)]


def _held(facts: Facts) -> list[Reason]:
    """What ends without a person: an open breaker, a limit, saturation."""
    reasons = []
    if facts.breaker_opened_at is not None:
        said = _since("the webhook fails, its breaker is open", facts.breaker_opened_at)
        reasons.append(Reason(Cause.BREAKER, f"{said}; one message at a time tries it out", facts.probe_at))
    if facts.next_slot_at is not None and facts.next_slot_at > max(facts.now, facts.due_at):
        reasons.append(Reason(Cause.RATE, "its customer's rate is used up until then", facts.next_slot_at))
    if facts.concurrency is not None and facts.claimed >= facts.concurrency:
        said = f"{facts.claimed} messages of its customer are being sent, which is its limit"
        reasons.append(Reason(Cause.CONCURRENCY, said))
    if facts.saturated_until is not None:
        said = "its customer's webhook is slow, and enough of its messages wait for a slot already"
        reasons.append(Reason(Cause.SATURATED, said))
    return reasons


def _since(what: str, moment: datetime, reason: str | None = None) -> str:
    return f"{what} since {moment:%Y-%m-%d %H:%M:%S} UTC" + (f": {reason}" if reason else "")
