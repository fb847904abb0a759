"""The body of the webhook request: rendered once when a message is accepted, the same bytes on every attempt."""

from typing import Any

import msgspec

#: The largest `content`, measured as UTF-8 JSON (a text: its own bytes).
CONTENT_LIMIT = 64 * 1024

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class _Payload(msgspec.Struct, gc=False):
    id: str
    to: str
    content: Any
    metadata: dict[str, str]


def render_payload(public_id: str, to: str, content: Any, metadata: dict[str, str]) -> bytes:
    """The JSON text that is stored and posted: id, to, content, metadata, in this order."""
    return _encode(_Payload(public_id, to, content, metadata))


def read_payload(payload: str | bytes) -> tuple[Any, dict[str, str]]:
    """The content and the metadata inside a stored payload."""
    body = _decode(payload)
    return body["content"], body["metadata"]


def content_size(content: Any) -> int:
    """The size of a content in bytes, as the limit counts it."""
    return len(content.encode()) if isinstance(content, str) else len(_encode(content))
