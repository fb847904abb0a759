"""The webhook request: its body, its headers, and its signature.

The body is rendered once, when a message is accepted; every attempt posts the same bytes. Headers and signature are
those of the Standard Webhooks specification (symmetric, version v1).
"""

import binascii
import hmac
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from sendoff_domain.exact_numbers import read_number, write_number

#: The largest `content`, measured as UTF-8 JSON (a text: its own bytes).
CONTENT_LIMIT = 64 * 1024

_encode = msgspec.json.Encoder(enc_hook=write_number).encode
_decode = msgspec.json.Decoder(float_hook=read_number).decode


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


def metadata_member(key: str, value: str) -> str:
    """How every payload with this metadata has it written; a payload that has this text may have it elsewhere, too."""
    return _encode({key: value})[1:-1].decode()


def content_size(content: Any) -> int:
    """The size of a content in bytes, as the limit counts it."""
    return len(content.encode()) if isinstance(content, str) else len(_encode(content))


def request_headers(
    own: Mapping[str, str],
    *,
    webhook_id: str,
    attempt_number: int,
    unix_seconds: int,
    body: bytes,
    keys: Iterable[bytes],
    user_agent: str,
) -> dict[str, str]:
    """The headers of one attempt (1 is the first) by the Standard Webhooks specification, then the customer's `own`.

    The id is that of the message on every attempt, the timestamp is the attempt's. `own` holds none of these names.
    """
    return {
        "content-type": "application/json",
        "user-agent": user_agent,
        "webhook-id": webhook_id,
        "webhook-timestamp": str(unix_seconds),
        "webhook-signature": sign(keys, webhook_id, unix_seconds, body),
        "sendoff-attempt": str(attempt_number),
        **own,
    }


def sign(keys: Iterable[bytes], webhook_id: str, unix_seconds: int, body: bytes) -> str:
    """The value of `webhook-signature`: one `v1,<base64>` per key, separated by blanks."""
    content = b"%s.%d.%s" % (webhook_id.encode(), unix_seconds, body)
    return " ".join(["v1," + _base64(_mac(key, content)) for key in keys])


def _mac(key: bytes, content: bytes) -> bytes:
    mac = _keyed_mac(key).copy()
    mac.update(content)
    return mac.digest()


@lru_cache(maxsize=4096)
def _keyed_mac(key: bytes) -> hmac.HMAC:
    """HMAC-SHA256 with the key already in it, never updated but copied: a third faster than to begin anew."""
    return hmac.new(key, digestmod="sha256")


def _base64(digest: bytes) -> str:
    return binascii.b2a_base64(digest, newline=False).decode()
