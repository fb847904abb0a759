"""Signing secrets as people write and read them, by the Standard Webhooks specification: `whsec_` and base64."""

import base64
import binascii

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
