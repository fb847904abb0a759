"""Makes messages due again, in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg import errors

from sendoff_config.settings import PartitionSettings
from sendoff_db.locks import RETENTION
from sendoff_db.partitions import cover_moments
from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import fetch_all, run
from sendoff_domain.ids import created_at


async def resend(pool: Pool, partitions: PartitionSettings, ids: Sequence[UUID], *, only_dead: bool = False) -> int:
    """Send these messages again as a new generation; returns how many there were to send.

    What is still on its way is left alone, and so is a cancelled message whose body the retention has dropped.
    """
    async with pool.connection() as connection:
        try:
            return await _resend(connection, partitions, ids, only_dead=only_dead, sent_at=())
        except errors.CheckViolation:
            # The partition of attempts that a delivery would go to is gone: then it is made again.
            found = await fetch_all(connection, __package__, "list_sending_hours", {"ids": list(ids)})
            hours = [hour for (hour,) in found]
            return await _resend(connection, partitions, ids, only_dead=only_dead, sent_at=hours)


async def _resend(
    connection: Connection,
    partitions: PartitionSettings,
    ids: Sequence[UUID],
    *,
    only_dead: bool,
    sent_at: Sequence[datetime],
) -> int:
    async with connection.transaction():
        await run(connection, __package__, "lock_bodies", {"lock": RETENTION})
        await cover_moments(connection, "attempts", partitions.every, sent_at)
        alive = await _with_body(connection, partitions, ids)
        values = {"ids": [] if only_dead else alive, "dead_ids": alive}
        return len(await fetch_all(connection, __package__, "resend", values))


async def _with_body(connection: Connection, partitions: PartitionSettings, ids: Sequence[UUID]) -> list[UUID]:
    """Those whose body is there, or can come back from a dead letter: for them the partition is made."""
    found = await fetch_all(connection, __package__, "find_bodies", {"ids": list(ids)})
    buried = [message_id for message_id, has_body, is_dead in found if is_dead and not has_body]
    await cover_moments(connection, "messages", partitions.every, [created_at(message_id) for message_id in buried])
    return [message_id for message_id, has_body, is_dead in found if has_body or is_dead]
