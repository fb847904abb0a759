"""The states of a message; docs/states.md has the moves between them, each one statement or one transaction."""

from enum import StrEnum


class Status(StrEnum):
    """The state of a message; each is one place in the database (docs/states.md)."""

    SCHEDULED = "scheduled"
    SENDING = "sending"
    RETRYING = "retrying"
    SENT = "sent"
    DEAD = "dead"
    CANCELLED = "cancelled"


#: Nothing has begun that could not be taken back: a message may be cancelled, or moved to another time.
WAITING = frozenset({Status.SCHEDULED, Status.RETRYING})
#: A message stays there until it is resent, which begins a new generation.
FINAL = frozenset({Status.SENT, Status.DEAD, Status.CANCELLED})


class DeathReason(StrEnum):
    """Why a message became a dead letter."""

    EXHAUSTED = "exhausted"
    EXPIRED = "expired"
    REJECTED = "rejected"
