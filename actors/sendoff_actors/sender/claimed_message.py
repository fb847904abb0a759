"""A message in the hands of this process, and the last look at it before its request starts."""

from enum import Enum, auto

from sendoff_actors.handoffs import Claimed
from sendoff_webhooks.customer import Customer, has_attempt_left

#: No request starts on a lease that ends sooner than this (seconds); a renewal comes long before.
LEASE_MARGIN = 1.0


class ClaimedMessage:
    """One claimed message, from its arrival in this process until its outcome is recorded or it is given back.

    Its lease is renewed as long as it is held, so `lease_until` (Unix seconds of the database's clock) moves.
    `ready_at` (`time.monotonic()`) is since when it has been waiting for a slot.
    """

    __slots__ = ("claimed", "lease_until", "ready_at")

    def __init__(self, claimed: Claimed, lease_until: float) -> None:
        self.claimed = claimed
        self.lease_until = lease_until
        self.ready_at = 0.0

    def __lt__(self, other: "ClaimedMessage") -> bool:
        return self.claimed.due_at < other.claimed.due_at


class Skip(Enum):
    """Why no request starts, and what becomes of the message."""

    STOPPED = auto()
    """A stop is in force, or the process is leaving: the message goes back."""
    BREAKER_OPEN = auto()
    """The customer's breaker is open and the message is no probe: it goes back."""
    LEASE_OVER = auto()
    """The claim may belong to another process by now: this one lets go of the message."""
    EXPIRED = auto()
    """Its `expiresAt` has passed: it becomes a dead letter."""
    CUSTOMER_UNREADABLE = auto()
    """The customer's keys or rules can't be read here: the message comes back when its lease is over, at no attempt."""
    EXHAUSTED = auto()
    """It has no attempt left: it becomes a dead letter."""
    NOT_DUE = auto()
    """The database's clock was set back while the message waited for a slot: it waits for its time again."""


def skip_reason(message: ClaimedMessage, customer: Customer | None, now: float, *, is_running: bool) -> Skip | None:
    """Why a message must not be sent at `now` (Unix seconds of the database's clock), or None if it may be.

    `is_running` is False while a stop of everything or of this customer is in force, and while the process is leaving.
    """
    claimed = message.claimed
    if not is_running:
        return Skip.STOPPED
    if customer is not None and customer.breaker_open and not claimed.probe:
        return Skip.BREAKER_OPEN
    if now > message.lease_until - LEASE_MARGIN:
        return Skip.LEASE_OVER
    if claimed.expires_at is not None and now >= claimed.expires_at:
        return Skip.EXPIRED
    if customer is not None and customer.unreadable:
        return Skip.CUSTOMER_UNREADABLE
    if not has_attempt_left(claimed.retry, claimed.attempts, customer):
        return Skip.EXHAUSTED
    return Skip.NOT_DUE if now < claimed.due_at else None
