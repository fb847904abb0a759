"""Deletes dead letters for good."""

from collections.abc import Sequence
from uuid import UUID

from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all


async def delete_dead_letters(
    connection: Connection, ids: Sequence[UUID], customer: str | None = None
) -> list[str | None]:
    """Delete those of these that are there, of one customer if it is given; returns the customer of each.

    It is None for a customer that was deleted.
    """
    values = {"ids": list(ids), "customer": customer}
    return [owner for (owner,) in await fetch_all(connection, __package__, "delete_dead_letters", values)]
