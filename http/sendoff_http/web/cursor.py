"""Opaque cursors: where a list goes on, whatever was added or taken away in the meantime."""

import base64
import binascii
from uuid import UUID

from sendoff_http.web.problems import FieldError, invalid

_LENGTH = 1 + 8 + 16


def encode_cursor(kind: str, message_id: UUID, microseconds: int = 0) -> str:
    """A cursor behind that row; `kind` is one letter that tells the lists apart."""
    raw = kind.encode() + microseconds.to_bytes(8, "big", signed=True) + message_id.bytes
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_cursor(kind: str, text: str) -> tuple[UUID, int]:
    """The row that a cursor stands behind; raises ProblemError 422 for what is no cursor of this list."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _LENGTH or raw[:1] != kind.encode():
        raise invalid([FieldError("?cursor", "expected the nextCursor of the page before")])
    return UUID(bytes=raw[9:]), int.from_bytes(raw[1:9], "big", signed=True)
