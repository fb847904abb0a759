"""The signing keys of a customer: several may be valid at once, and the newest signs first."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all, fetch_one, read_statement
from sendoff_domain.errors import DecryptionError, SendoffError
from sendoff_webhooks.keys.encryption import KeyCipher, Place, key_place

KEY_BYTES = 32
#: A customer has at most so many valid keys; a rotation beyond it drops the oldest.
MOST_KEYS = 10

Entropy = Callable[[int], bytes]


class StoredKey(NamedTuple):
    """The row of a key, with its customer's incarnation."""

    customer_id: str
    id: int
    sealed: bytes
    created_at: datetime
    ends: datetime | None
    incarnation: int

    def place(self) -> Place:
        """What it is sealed for."""
        return key_place(
            self.customer_id,
            incarnation=self.incarnation,
            key_id=self.id,
            created_at=self.created_at,
            expires_at=self.ends,
        )


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
    return [SigningKey(row.id, key_cipher.decrypt(row.sealed, row.place()), row.created_at, row.ends) for row in rows]


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
        rows = await _rows(connection, customer_id)
        same = [row.id for row in rows if _open(key_cipher, row) == new]
        values = {"customer_id": customer_id, "ids": same, "grace": grace, "kept": MOST_KEYS}
        await connection.execute(read_statement(__package__, "delete_keys"), values)
        ends: dict[int, datetime] = dict(await fetch_all(connection, __package__, "expire_keys", values))
        await _seal_anew(connection, key_cipher, [row for row in rows if row.id in ends], ends)
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
        same = [row.id for row in rows if row.ends is None and _open(key_cipher, row) == configured]
        others = [row.id for row in rows if row.id not in same[:1]]
        await connection.execute(read_statement(__package__, "delete_keys"), {"ids": others})
        if not same:
            await _add(connection, key_cipher, customer_id, configured)


async def _lock_customer(connection: Connection, customer_id: str) -> bool:
    """Keep others from changing the customer's keys until the transaction ends; False if it is unknown."""
    cursor = await connection.execute(read_statement(__package__, "lock_customer"), {"customer_id": customer_id})
    return await cursor.fetchone() is not None


async def _rows(connection: Connection, customer_id: str) -> list[StoredKey]:
    found = await fetch_all(connection, __package__, "read_keys", {"customer_id": customer_id})
    return [StoredKey(customer_id, *row) for row in found]


def _open(key_cipher: KeyCipher, row: StoredKey) -> bytes | None:
    try:
        return key_cipher.decrypt(row.sealed, row.place())
    except DecryptionError:
        return None


async def _seal_anew(
    connection: Connection, key_cipher: KeyCipher, rows: Sequence[StoredKey], ends: Mapping[int, datetime]
) -> None:
    """Seal keys with their new ends; one that does not open stays as it is."""
    opened = [(row, key) for row in rows if (key := _open(key_cipher, row)) is not None]
    values = {
        "ids": [row.id for row, _ in opened],
        "old": [row.sealed for row, _ in opened],
        "new": [key_cipher.encrypt(key, row._replace(ends=ends[row.id]).place()) for row, key in opened],
    }
    await connection.execute(read_statement(__package__, "replace_sealed_keys"), values)


async def _add(connection: Connection, key_cipher: KeyCipher, customer_id: str, key: bytes) -> None:
    chosen = await fetch_one(connection, __package__, "choose_key_place", {"customer_id": customer_id})
    if chosen is None:
        raise SendoffError(f"there is no customer {customer_id!r}")
    key_id, created_at, incarnation = chosen
    place = key_place(customer_id, incarnation=incarnation, key_id=key_id, created_at=created_at, expires_at=None)
    sealed = key_cipher.encrypt(key, place)
    values = {"id": key_id, "customer_id": customer_id, "sealed_key": sealed, "created_at": created_at}
    await connection.execute(read_statement(__package__, "add_key"), values)
