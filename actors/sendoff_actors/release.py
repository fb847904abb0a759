"""Giving claimed messages back, which the Claimer and the Sender do alike."""

from collections.abc import Sequence

from sendoff_actors.handoffs import Claimed
from sendoff_db.packed_arrays import pack_bigints, pack_uuids
from sendoff_db.pool import Pool
from sendoff_db.sql import run


async def release_unsent(pool: Pool, claims: Sequence[Claimed]) -> None:
    """Give back messages that were not sent, as they were before the claim; one that was claimed anew stays as it is.

    Raises psycopg.Error when PostgreSQL does not take it.
    """
    values = {
        "ids": pack_uuids([claimed.id for claimed in claims]),
        "tokens": pack_bigints([claimed.token for claimed in claims]),
    }
    async with pool.connection() as connection:
        await run(connection, __package__, "release_unsent", values)
