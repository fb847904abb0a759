"""The signing keys of a customer: several may be valid at once, and the newest signs first."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.errors import DecryptionError
from sendoff_webhooks.keys.encryption import KeyCipher

KEY_BYTES = 32
#: A customer has at most so many valid keys; a rotation beyond it drops the oldest.
MOST_KEYS = 10

Entropy = Callable[[int], bytes]
_Row = tuple[int, bytes, datetime, datetime | None]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One valid key, opened; the newest of a customer has no end. The key itself is not in its `repr`."""

    id: int
    key: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime | None


async def read_keys(connection: Connection, key_cipher: KeyCipher, customer_id: str) -> list[SigningKey]:
    """The customer's valid keys, the newest first; raises DecryptionError if one of them cannot be opened."""
    rows = await _rows(connection, customer_id)
    return [
        SigningKey(id, key_cipher.decrypt(sealed, customer_id), created, expires)
        for id, sealed, created, expires in rows
    ]


async def add_first_key(
    connection: Connection,
    key_cipher: KeyCipher,
    customer_id: str,
    key: bytes | None = None,
    *,
    entropy: Entropy = os.urandom,
) -> bytes:
    """Give a new customer its key, a made-up one unless it is given; returns it. For the transaction that adds it."""
    new = entropy(KEY_BYTES) if key is None else key
    await _add(connection, key_cipher, customer_id, new)
    return new


async def rotate_key(
    connection: Connection,
    key_cipher: KeyCipher,
    customer_id: str,
    new_key: bytes | None,
    *,
    grace: timedelta,
    entropy: Entropy = os.urandom,
) -> bytes | None:
    """Make `new_key`, or a made-up one, the customer's newest, and let the others run out after the grace.

    Returns the new key, or None if there is no such customer. Rotations of one customer at once happen one after the
    other; a key that the customer has already becomes its newest. One that cannot be opened runs out like the others.
    """
    new = entropy(KEY_BYTES) if new_key is None else new_key
    async with connection.transaction():
        if not await _lock_customer(connection, customer_id):
            return None
        same = [row[0] for row in await _rows(connection, customer_id) if _opens_to(key_cipher, row, customer_id, new)]
        values = {"customer_id": customer_id, "ids": same, "grace": grace, "kept": MOST_KEYS}
        await connection.execute(read_statement(__package__, "delete_keys"), values)
        await connection.execute(read_statement(__package__, "expire_keys"), values)
        await _add(connection, key_cipher, customer_id, new)
        await connection.execute(read_statement(__package__, "delete_surplus_keys"), values)
    return new


async def keep_key(
    connection: Connection,
    key_cipher: KeyCipher,
    customer_id: str,
    configured: bytes | None,
    *,
    entropy: Entropy = os.urandom,
) -> None:
    """Make the configured key the customer's only one; without it keep what is there, or make one up."""
    async with connection.transaction():
        await _lock_customer(connection, customer_id)
        rows = await _rows(connection, customer_id)
        if configured is None:
            if not rows:
                await add_first_key(connection, key_cipher, customer_id, entropy=entropy)
            return
        same = [row[0] for row in rows if row[3] is None and _opens_to(key_cipher, row, customer_id, configured)]
        others = [row[0] for row in rows if row[0] not in same[:1]]
        await connection.execute(read_statement(__package__, "delete_keys"), {"ids": others})
        if not same:
            await _add(connection, key_cipher, customer_id, configured)


async def _lock_customer(connection: Connection, customer_id: str) -> bool:
    """Keep others from changing the customer's keys until the transaction ends; False if it is unknown."""
    cursor = await connection.execute(read_statement(__package__, "lock_customer"), {"customer_id": customer_id})
    return await cursor.fetchone() is not None


async def _rows(connection: Connection, customer_id: str) -> list[_Row]:
    cursor = await connection.execute(read_statement(__package__, "read_keys"), {"customer_id": customer_id})
    return await cursor.fetchall()


def _opens_to(key_cipher: KeyCipher, row: _Row, customer_id: str, key: bytes) -> bool:
    try:
        return key_cipher.decrypt(row[1], customer_id) == key
    except DecryptionError:
        return False


async def _add(connection: Connection, key_cipher: KeyCipher, customer_id: str, key: bytes) -> None:
    values = {"customer_id": customer_id, "sealed_key": key_cipher.encrypt(key, customer_id)}
    await connection.execute(read_statement(__package__, "add_key"), values)
