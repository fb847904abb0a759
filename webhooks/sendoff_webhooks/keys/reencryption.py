"""Seals the stored signing keys anew after the encryption key has changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.errors import SealError
from sendoff_webhooks.keys.encryption import Sealer

_AT_ONCE = 500
_Row = tuple[int, str, bytes]


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many signing keys were sealed anew, how many could not be opened, and why the first of those."""

    count: int = 0
    shut: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Seals:
    """How many signing keys cannot be opened with the configured encryption keys, and how many await a new seal."""

    shut: int
    outdated: int


async def reseal(connection: Connection, sealer: Sealer) -> Resealed:
    """Seal with the first encryption key what is plain or sealed with another one; safe to break off and to repeat.

    Each step changes a few hundred rows, and none that somebody else has changed meanwhile.
    """
    count, shut, after = 0, 0, 0
    first: str | None = None
    while rows := await _next(connection, sealer, after):
        after = rows[-1][0]
        opened: list[tuple[_Row, bytes]] = []
        for row in rows:
            try:
                opened.append((row, sealer.open(row[2], row[1])))
            except SealError as error:
                shut, first = shut + 1, first or str(error)
        count += await _replace(connection, sealer, opened)
    return Resealed(count, shut, first)


async def examine_seals(connection: Connection, sealer: Sealer) -> Seals:
    """Look at how every signing key is stored, without opening any."""
    cursor = await connection.execute(read_statement(__package__, "count_seals"))
    rows: list[tuple[bytes, int]] = await cursor.fetchall()
    shut = sum(count for header, count in rows if not sealer.knows(header))
    return Seals(shut, sum(count for header, count in rows if header != sealer.header) - shut)


async def _next(connection: Connection, sealer: Sealer, after: int) -> Sequence[_Row]:
    values = {"after": after, "header": sealer.header, "limit": _AT_ONCE}
    cursor = await connection.execute(read_statement(__package__, "read_keys_sealed_otherwise"), values)
    return await cursor.fetchall()


async def _replace(connection: Connection, sealer: Sealer, keys: Sequence[tuple[_Row, bytes]]) -> int:
    values = {
        "ids": [row[0] for row, _ in keys],
        "old": [row[2] for row, _ in keys],
        "new": [sealer.seal(key, row[1]) for row, key in keys],
    }
    cursor = await connection.execute(read_statement(__package__, "replace_seals"), values)
    return len(await cursor.fetchall())
