"""Encrypts the stored signing keys anew after the encryption key has changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.errors import DecryptionError
from sendoff_webhooks.keys.encryption import KeyCipher

_AT_ONCE = 500
_Row = tuple[int, str, bytes]


@dataclass(frozen=True, slots=True)
class Reencrypted:
    """How many signing keys were sealed anew, how many could not be opened, and why the first of those."""

    count: int = 0
    undecryptable: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class EncryptionState:
    """How many signing keys cannot be opened with the configured encryption keys, and how many await a new seal."""

    undecryptable: int
    outdated: int


async def reencrypt(connection: Connection, key_cipher: KeyCipher) -> Reencrypted:
    """Seal with the first encryption key what is plain or sealed with another one; safe to break off and to repeat.

    Each step changes a few hundred rows, and none that somebody else has changed meanwhile.
    """
    count, undecryptable, after = 0, 0, 0
    first: str | None = None
    while rows := await _next(connection, key_cipher, after):
        after = rows[-1][0]
        opened: list[tuple[_Row, bytes]] = []
        for row in rows:
            try:
                opened.append((row, key_cipher.decrypt(row[2], row[1])))
            except DecryptionError as error:
                undecryptable, first = undecryptable + 1, first or str(error)
        count += await _replace(connection, key_cipher, opened)
    return Reencrypted(count, undecryptable, first)


async def examine_encryption(connection: Connection, key_cipher: KeyCipher) -> EncryptionState:
    """Look at how every signing key is stored, without opening any."""
    cursor = await connection.execute(read_statement(__package__, "count_keys_by_encryption"))
    rows: list[tuple[bytes, int]] = await cursor.fetchall()
    undecryptable = sum(count for header, count in rows if not key_cipher.knows(header))
    return EncryptionState(
        undecryptable, sum(count for header, count in rows if header != key_cipher.header) - undecryptable
    )


async def _next(connection: Connection, key_cipher: KeyCipher, after: int) -> Sequence[_Row]:
    values = {"after": after, "header": key_cipher.header, "limit": _AT_ONCE}
    cursor = await connection.execute(read_statement(__package__, "read_keys_sealed_otherwise"), values)
    return await cursor.fetchall()


async def _replace(connection: Connection, key_cipher: KeyCipher, keys: Sequence[tuple[_Row, bytes]]) -> int:
    values = {
        "ids": [row[0] for row, _ in keys],
        "old": [row[2] for row, _ in keys],
        "new": [key_cipher.encrypt(key, row[1]) for row, key in keys],
    }
    cursor = await connection.execute(read_statement(__package__, "replace_sealed_keys"), values)
    return len(await cursor.fetchall())
