"""Which messages a job is about: counted when it is made, and picked part by part while it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all, fetch_one
from sendoff_domain.jobs import MOST_EXPORTED, JobKind
from sendoff_domain.message import DeathReason, Status

#: So many rows are looked at in one step: of very many, few may fit.
_CHUNK = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The filters of a job; None lets everything through. Ids are those from `low` on, before `high`."""

    low: UUID
    high: UUID
    customer: str | None = None
    incarnation: int | None = None
    recipient: str | None = None
    reference: str | None = None
    reason: DeathReason | None = None
    status: Status | None = None

    def values(self, kind: JobKind) -> dict[str, Any]:
        """The parameters of the statements."""
        return {
            "low": self.low,
            "high": self.high,
            "customer": self.customer,
            "incarnation": self.incarnation,
            "recipient": self.recipient,
            "reference": self.reference,
            "reason": self.reason,
            "retrying": None if self.status is None else self.status is Status.RETRYING,
            "resendable": kind is JobKind.RESEND_DEAD_LETTERS,
            "most": MOST_EXPORTED + 1,
        }


@dataclass(frozen=True, slots=True)
class Picked:
    """The next messages, and the id up to which all were looked at (None: there are no more)."""

    ids: Sequence[UUID]
    reached: UUID | None


async def count_matches(connection: Connection, kind: JobKind, selection: Selection) -> int:
    """How many messages fit now."""
    statement, _ = _statements(kind)
    row = await fetch_one(connection, __package__, statement, selection.values(kind))
    return 0 if row is None else int(row[0])


async def pick(
    connection: Connection, kind: JobKind, selection: Selection, *, reached: UUID, made_at: datetime, limit: int
) -> Picked:
    """The next messages behind `reached`, at most so many; there can be none although more follow.

    What died after `made_at` is not among them.
    """
    _, statement = _statements(kind)
    bounds = {"reached": reached, "made_at": made_at, "chunk": _CHUNK, "enough": limit}
    found = await fetch_all(connection, __package__, statement, {**selection.values(kind), **bounds})
    ids = [message_id for message_id, fits in found if fits]
    if len(ids) == limit:
        return Picked(ids, ids[-1])
    return Picked(ids, next((message_id for message_id, fits in found if not fits), None))


def _statements(kind: JobKind) -> tuple[str, str]:
    """How the messages of such jobs are counted and picked."""
    if kind in (JobKind.RESEND_DEAD_LETTERS, JobKind.PURGE_DEAD_LETTERS):
        return "count_dead_letters", "pick_dead_letters"
    if kind is JobKind.EXPORT_MESSAGES:
        return "count_messages", "pick_messages"
    return "count_waiting", "pick_waiting"
