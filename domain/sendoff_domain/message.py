"""What a message can be, and which moves exist between these states."""

from enum import StrEnum


class Status(StrEnum):
    """The state of a message; each is one place in the database (docs/states.md)."""

    SCHEDULED = "scheduled"
    SENDING = "sending"
    RETRYING = "retrying"
    SENT = "sent"
    DEAD = "dead"
    CANCELLED = "cancelled"


#: Every move that exists. `sent`, `dead` and `cancelled` are left only by a resend, as a new generation.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.SCHEDULED: frozenset({Status.SENDING, Status.CANCELLED}),
    Status.SENDING: frozenset({Status.SENT, Status.RETRYING, Status.DEAD, Status.SCHEDULED}),
    Status.RETRYING: frozenset({Status.SENDING, Status.CANCELLED, Status.DEAD}),
    Status.SENT: frozenset({Status.SCHEDULED}),
    Status.DEAD: frozenset({Status.SCHEDULED}),
    Status.CANCELLED: frozenset({Status.SCHEDULED}),
}


def can_move(current: Status, following: Status) -> bool:
    """Whether a message in `current` may go to `following` in one step."""
    return following in TRANSITIONS[current]


class DeathReason(StrEnum):
    """Why a message became a dead letter."""

    EXHAUSTED = "exhausted"
    EXPIRED = "expired"
    REJECTED = "rejected"
