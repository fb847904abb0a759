"""The body of the webhook request: rendered once when a message is accepted, the same bytes on every attempt."""

from typing import Any
from uuid import UUID

import msgspec

from sendoff_domain.ids import format_message_id

#: The largest `content`, measured as UTF-8 JSON (a text: its own bytes).
CONTENT_LIMIT = 64 * 1024

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def render_payload(message_id: UUID, to: str, content: Any, metadata: dict[str, str] | None) -> str:
    """The JSON text that is stored and posted: id, to, content, metadata."""
    body = {"id": format_message_id(message_id), "to": to, "content": content, "metadata": metadata or {}}
    return _encode(body).decode()


def read_payload(payload: str) -> tuple[Any, dict[str, str]]:
    """The content and the metadata inside a stored payload."""
    body = _decode(payload)
    return body["content"], body["metadata"]


def content_size(content: Any) -> int:
    """The size of a content in bytes, as the limit counts it."""
    return len(content.encode()) if isinstance(content, str) else len(_encode(content))
