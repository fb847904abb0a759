"""Makes messages due again, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from psycopg import errors

from sendoff_config.settings import PartitionSettings
from sendoff_db.audit import AuditEntry, audited
from sendoff_db.locks import RETENTION
from sendoff_db.partitions import cover_moments
from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import fetch_all, run
from sendoff_domain.ids import created_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Messages by their ids: of one customer if it is given, and only as dead letters if that is said."""

    ids: Sequence[UUID]
    customer: str | None = None
    only_dead: bool = False


class Resent(StrEnum):
    """What came of sending one message again."""

    RESENT = "resent"
    NOTHING_THERE = "nothing_there"
    CUSTOMER_GONE = "customer_gone"


@dataclass(frozen=True, slots=True)
class _Found:
    """Those that can be sent again, those of them whose partition is gone, and those whose customer was deleted."""

    alive: list[UUID]
    bodiless: list[UUID]
    orphans: list[UUID]


async def resend_one(pool: Pool, partitions: PartitionSettings, which: Which, entry: AuditEntry) -> Resent:
    """Send a message again as a new generation, unless it is on its way still, or its body or its customer is gone.

    `entry` is recorded with the number 1 and its customer, if it was sent.
    """
    async with pool.connection() as connection:
        try:
            return await _resend_one(connection, partitions, which, entry, sent_at=())
        except errors.CheckViolation:
            # The partition of attempts that a delivery would go to is gone: then it is made again.
            found = await fetch_all(connection, __package__, "list_sending_hours", {"ids": list(which.ids)})
            return await _resend_one(connection, partitions, which, entry, sent_at=[hour for (hour,) in found])


async def _resend_one(
    connection: Connection,
    partitions: PartitionSettings,
    which: Which,
    entry: AuditEntry,
    *,
    sent_at: Sequence[datetime],
) -> Resent:
    async with audited(connection) as audit:
        found = await _lock_bodies(connection, which)
        await cover_moments(connection, "attempts", partitions.every, sent_at)
        for customer in await _make_due(connection, partitions, which, found):
            audit.append(replace(entry, customer_id=customer, details={**entry.details, "count": 1}))
            return Resent.RESENT
    return Resent.CUSTOMER_GONE if found.orphans else Resent.NOTHING_THERE


async def resend_dead_letters(connection: Connection, partitions: PartitionSettings, ids: Sequence[UUID]) -> int:
    """Send dead letters again within the caller's transaction; returns how many there were.

    Those of a deleted customer stay.
    """
    which = Which(ids=ids, only_dead=True)
    found = await _lock_bodies(connection, which)
    return len(await _make_due(connection, partitions, which, found))


async def _lock_bodies(connection: Connection, which: Which) -> _Found:
    """What can be sent again; until the transaction ends the retention takes away nothing of it."""
    await run(connection, __package__, "lock_bodies", {"lock": RETENTION})
    found = await fetch_all(
        connection, __package__, "find_bodies", {"ids": list(which.ids), "customer": which.customer}
    )
    there = [row for row in found if row[1] or row[2]]
    return _Found(
        alive=[message_id for message_id, _, _, is_orphaned in there if not is_orphaned],
        bodiless=[message_id for message_id, has_body, _, is_orphaned in there if not (has_body or is_orphaned)],
        orphans=[message_id for message_id, _, _, is_orphaned in there if is_orphaned],
    )


async def _make_due(connection: Connection, partitions: PartitionSettings, which: Which, found: _Found) -> list[str]:
    """Returns the customer of each that was moved; for a body that comes back its partition is made."""
    hours = {created_at(message_id).replace(minute=0, second=0, microsecond=0) for message_id in found.bodiless}
    await cover_moments(connection, "messages", partitions.every, hours)
    values = {"ids": [] if which.only_dead else found.alive, "dead_ids": found.alive}
    return [customer for _, customer in await fetch_all(connection, __package__, "resend", values)]
