"""Moves of messages that wait to be sent, and of which none is claimed: cancelled, or moved to another time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all, run


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTime:
    """When to send instead, one of the three: a moment, how long from now, or how much later than planned."""

    deliver_at: datetime | None = None
    delay: timedelta | None = None
    shift: timedelta | None = None


async def cancel(connection: Connection, ids: Sequence[UUID], customer: str | None = None) -> int:
    """Cancel those of these that wait, of one customer if it is given; returns how many were."""
    return len(await fetch_all(connection, __package__, "cancel", {"ids": list(ids), "customer": customer}))


async def reschedule(
    connection: Connection, ids: Sequence[UUID], new_time: NewTime, customer: str | None = None
) -> int:
    """Move those of these that wait, of one customer if it is given; returns how many were moved.

    What would come after its expiry stays where it is; a moment that has passed means now. A shift is added to the
    time that another transaction leaves behind, so it needs one around it.
    """
    values = {
        "ids": list(ids),
        "customer": customer,
        "deliver_at": new_time.deliver_at,
        "delay": new_time.delay,
        "shift": new_time.shift,
    }
    if new_time.shift is not None:
        await run(connection, __package__, "lock_due", {"ids": values["ids"]})
        await run(connection, __package__, "lock_retries", {"ids": values["ids"]})
    return len(await fetch_all(connection, __package__, "reschedule", values))
