"""Makes messages due again, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from psycopg import errors

from sendoff_config.settings import PartitionSettings
from sendoff_db.audit import AuditEntry, audited
from sendoff_db.locks import RETENTION
from sendoff_db.partitions import cover_moments
from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import fetch_all, run
from sendoff_domain.ids import created_at
from sendoff_http.web.problems import ProblemError


@dataclass(frozen=True, slots=True)
class _Which:
    """Messages by their ids: of one customer if it is given, and only as dead letters if that is said."""

    ids: Sequence[UUID]
    customer: str | None
    only_dead: bool


async def resend(
    pool: Pool,
    partitions: PartitionSettings,
    ids: Sequence[UUID],
    entry: AuditEntry,
    *,
    customer: str | None = None,
    only_dead: bool = False,
) -> int:
    """Send these messages again as a new generation; returns how many there were to send.

    What is still on its way is left alone, and so is a cancelled message whose body the retention has dropped, what is
    not this customer's, if one is given, and what is a deleted customer's: raises ProblemError 409 if it is the only
    one asked for. `entry` is recorded with their number, and their customer if it is one.
    """
    which = _Which(ids, customer, only_dead)
    async with pool.connection() as connection:
        try:
            return await _resend(connection, partitions, which, entry, sent_at=())
        except errors.CheckViolation:
            # The partition of attempts that a delivery would go to is gone: then it is made again.
            found = await fetch_all(connection, __package__, "list_sending_hours", {"ids": list(ids)})
            hours = [hour for (hour,) in found]
            return await _resend(connection, partitions, which, entry, sent_at=hours)


async def _resend(
    connection: Connection,
    partitions: PartitionSettings,
    which: _Which,
    entry: AuditEntry,
    *,
    sent_at: Sequence[datetime],
) -> int:
    async with audited(connection) as audit:
        await run(connection, __package__, "lock_bodies", {"lock": RETENTION})
        await cover_moments(connection, "attempts", partitions.every, sent_at)
        alive = await _with_body(connection, partitions, which)
        values = {"ids": [] if which.only_dead else alive, "dead_ids": alive}
        moved = await fetch_all(connection, __package__, "resend", values)
        if moved:
            customers = {customer for _, customer in moved}
            customer = customers.pop() if len(customers) == 1 else None
            audit.append(replace(entry, customer_id=customer, details={**entry.details, "count": len(moved)}))
    return len(moved)


async def _with_body(connection: Connection, partitions: PartitionSettings, which: _Which) -> list[UUID]:
    """Those whose body is there, or can come back from a dead letter: for them the partition is made."""
    found = await fetch_all(
        connection, __package__, "find_bodies", {"ids": list(which.ids), "customer": which.customer}
    )
    if len(found) == 1 and any(has_body or is_dead for _, has_body, is_dead, is_orphaned in found if is_orphaned):
        raise ProblemError(409, "customer_gone", "its customer was deleted, so there is nobody to send it to")
    found = [row for row in found if not row[3]]
    buried = [message_id for message_id, has_body, is_dead, _ in found if is_dead and not has_body]
    await cover_moments(connection, "messages", partitions.every, [created_at(message_id) for message_id in buried])
    return [message_id for message_id, has_body, is_dead, _ in found if has_body or is_dead]
