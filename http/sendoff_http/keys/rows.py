"""API keys in the database: made, listed and revoked, by the API and by the command line."""

import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import errors

from sendoff_db.audit import AuditEntry, audited
from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all_as, fetch_one
from sendoff_domain.access import SECRET_BYTES, KeyPolicy, format_key_secret, key_digest, shown_prefix
from sendoff_domain.ids import KEY_ID_PREFIX, UUID7_ENTROPY_BYTES, hex_uuid7
from sendoff_domain.times import format_optional


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A row of `list_keys.sql`."""

    id: str
    name: str
    prefix: str
    scopes: Sequence[str]
    customer: str | None
    rate: int | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes or revokes a key, and by which request."""

    name: str
    request_id: str | None = None


async def add_key(
    connection: Connection, policy: KeyPolicy, expires_at: datetime | None, actor: Actor
) -> tuple[str, str] | None:
    """Make a key; returns its id and its secret, which is not kept, or None if there is no such customer."""
    key_id = KEY_ID_PREFIX + hex_uuid7(time.time_ns() // 1_000_000, os.urandom(UUID7_ENTROPY_BYTES))
    secret = format_key_secret(secrets.token_bytes(SECRET_BYTES))
    shown = {
        "name": policy.name,
        "prefix": shown_prefix(secret),
        "scopes": [str(scope) for scope in policy.granted],
        "rate": policy.rate,
    }
    values = {
        **shown,
        "id": key_id,
        "digest": key_digest(secret),
        "customer_id": policy.customer,
        "created_by": actor.name,
        "expires_at": expires_at,
    }
    try:
        async with audited(connection) as audit:
            await fetch_one(connection, __package__, "insert_key", values)
            details = {**shown, "expiresAt": format_optional(expires_at)}
            audit.append(_entry(actor, "key.create", (key_id, policy.customer), details))
    except errors.ForeignKeyViolation:
        return None
    return key_id, secret


async def list_keys(
    connection: Connection, *, customer: str | None = None, before: str | None = None, limit: int
) -> list[KeyRow]:
    """The newest keys, of one customer if it is given, made before the one with the id `before`."""
    values = {"customer": customer, "before": before, "id": None, "limit": limit}
    return await fetch_all_as(connection, __package__, "list_keys", values, kind=KeyRow)


async def find_key(connection: Connection, key_id: str, *, customer: str | None = None) -> KeyRow | None:
    """One key, of one customer if it is given; None if there is none of that id."""
    values = {"customer": customer, "before": None, "id": key_id, "limit": 1}
    rows = await fetch_all_as(connection, __package__, "list_keys", values, kind=KeyRow)
    return rows[0] if rows else None


async def revoke_key(connection: Connection, key: KeyRow, actor: Actor) -> None:
    """Let a key be used no more; harmless to repeat."""
    async with audited(connection) as audit:
        if await fetch_one(connection, __package__, "revoke_key", {"id": key.id}) is not None:
            details = {"name": key.name, "prefix": key.prefix}
            audit.append(_entry(actor, "key.revoke", (key.id, key.customer), details))


def _entry(actor: Actor, action: str, key: tuple[str, str | None], details: dict[str, Any]) -> AuditEntry:
    key_id, customer = key
    return AuditEntry(
        actor=actor.name,
        action=action,
        target=key_id,
        customer_id=customer,
        request_id=actor.request_id,
        details=details,
    )
