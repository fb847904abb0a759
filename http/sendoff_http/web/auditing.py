"""What a request does, as the audit tells it."""

from typing import Any

from aiohttp import web

from sendoff_db.audit import AuditEntry
from sendoff_http.web.keys import CALLER, REQUEST_ID


def entry_of(
    request: web.Request, action: str, target: str, *, customer: str | None = None, **details: Any
) -> AuditEntry:
    """What the caller of this request did to `target`; `details` hold no secret and nothing of a message's content."""
    return AuditEntry(
        actor=request[CALLER].id,
        action=action,
        target=target,
        customer_id=customer,
        request_id=request[REQUEST_ID],
        details=details,
    )
