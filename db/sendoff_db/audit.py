"""Who did what: a row in the transaction of what was done, and for a request a line in the log after its commit."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from psycopg.types.json import Jsonb

from sendoff_db.pool import Connection
from sendoff_db.sql import run

log = structlog.get_logger("sendoff.audit")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What `actor` did to `target`; `details` holds names and numbers, no secret and nothing of a message's content."""

    actor: str
    action: str
    target: str
    customer_id: str | None = None
    request_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@asynccontextmanager
async def audited(connection: Connection) -> AsyncIterator[list[AuditEntry]]:
    """A transaction around the block; what the block appends to the list is recorded with what it changes.

    A transaction that is open already stays the only one, and the lines are logged before it commits.
    """
    entries: list[AuditEntry] = []
    async with connection.transaction():
        yield entries
        for entry in entries:
            await run(connection, __package__, "record_audit", _values(entry))
    for entry in entries:
        if entry.request_id is not None:  # who used the command line has seen it already
            _log(entry)


def _log(entry: AuditEntry) -> None:
    log.info(
        "audit",
        actor=entry.actor,
        action=entry.action,
        target=entry.target,
        customer=entry.customer_id,
        request_id=entry.request_id,
        details=dict(entry.details),
    )


def _values(entry: AuditEntry) -> dict[str, Any]:
    return {
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "customer_id": entry.customer_id,
        "request_id": entry.request_id,
        "details": Jsonb(dict(entry.details)),
    }
