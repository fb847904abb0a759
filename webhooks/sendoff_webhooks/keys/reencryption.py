"""Encrypts the stored secrets anew after the encryption key has changed: signing keys, and credentials in headers."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all, read_statement, run
from sendoff_domain.errors import DecryptionError
from sendoff_webhooks.keys.encryption import KeyCipher, header_of, is_plain
from sendoff_webhooks.keys.signing_keys import StoredKey
from sendoff_webhooks.sealed_headers import open_headers, seal_headers, sealed_values

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Reencrypted:
    """How many keys and customers' headers were sealed anew, how many did not open, and why the first of those."""

    count: int = 0
    undecryptable: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class EncryptionState:
    """How many secrets do not open, how many await a new seal, and how many are refused because they are plain."""

    undecryptable: int = 0
    outdated: int = 0
    refused: int = 0


async def reencrypt(connection: Connection, key_cipher: KeyCipher, *, seal_plain: bool = False) -> Reencrypted:
    """Seal with the first encryption key what is sealed with another one; safe to break off and to repeat.

    What is plain is sealed only if that is asked for: who can write to the database could have put it there. Each step
    changes a few hundred rows, and none that somebody else has changed meanwhile.
    """
    count, undecryptable, after = 0, 0, 0
    first: str | None = None
    while rows := await _next(connection, key_cipher, after):
        after = rows[-1].id
        opened: list[tuple[StoredKey, bytes]] = []
        for row in rows:
            try:
                opened.append((row, key_cipher.decrypt(row.sealed, row.place(), even_plain=seal_plain)))
            except DecryptionError as error:
                undecryptable, first = undecryptable + 1, first or str(error)
        count += await _replace(connection, key_cipher, opened)
    headers = await _reencrypt_headers(connection, key_cipher, seal_plain=seal_plain)
    return Reencrypted(count + headers.count, undecryptable + headers.undecryptable, first or headers.error)


async def _reencrypt_headers(connection: Connection, key_cipher: KeyCipher, *, seal_plain: bool) -> Reencrypted:
    count, undecryptable = 0, 0
    first: str | None = None
    async for columns in _with_headers(connection):
        old = sealed_values(columns["headers"])
        try:
            if all(header_of(one) == key_cipher.header for one in old):
                continue
            new = seal_headers(open_headers(columns, key_cipher, even_plain=seal_plain), key_cipher)
        except DecryptionError as error:
            undecryptable, first = undecryptable + 1, first or str(error)
            continue
        values = {**columns, "old": Jsonb(columns["headers"]), "new": Jsonb(new["headers"])}
        count += await run(connection, __package__, "replace_sealed_headers", values)
    return Reencrypted(count, undecryptable, first)


async def _with_headers(connection: Connection) -> AsyncIterator[dict[str, Any]]:
    """The customers that have headers: what their headers are sealed for, and the headers."""
    after = ""
    while rows := await fetch_all(connection, __package__, "read_headers", {"after": after, "limit": _AT_ONCE}):
        for customer_id, incarnation, url, headers in rows:
            yield {"id": customer_id, "incarnation": incarnation, "webhook_url": url, "headers": headers}
        after = rows[-1][0]


async def examine_encryption(connection: Connection, key_cipher: KeyCipher) -> EncryptionState:
    """Look at how every signing key and every credential among headers is stored, without opening any."""
    stored = Counter[bytes]()
    for header, count in await fetch_all(connection, __package__, "count_keys_by_encryption"):
        stored[header] += count
    async for columns in _with_headers(connection):
        stored.update(header_of(one) for one in sealed_values(columns["headers"]))
    unknown = Counter({header: count for header, count in stored.items() if not key_cipher.knows(header)})
    refused = sum(count for header, count in unknown.items() if is_plain(header))
    outdated = stored.total() - unknown.total() - stored[key_cipher.header]
    return EncryptionState(undecryptable=unknown.total() - refused, outdated=outdated, refused=refused)


async def _next(connection: Connection, key_cipher: KeyCipher, after: int) -> Sequence[StoredKey]:
    values = {"after": after, "header": key_cipher.header, "limit": _AT_ONCE}
    return [StoredKey(*row) for row in await fetch_all(connection, __package__, "read_keys_sealed_otherwise", values)]


async def _replace(connection: Connection, key_cipher: KeyCipher, keys: Sequence[tuple[StoredKey, bytes]]) -> int:
    values = {
        "ids": [row.id for row, _ in keys],
        "old": [row.sealed for row, _ in keys],
        "new": [key_cipher.encrypt(key, row.place()) for row, key in keys],
    }
    cursor = await connection.execute(read_statement(__package__, "replace_sealed_keys"), values)
    return len(await cursor.fetchall())
