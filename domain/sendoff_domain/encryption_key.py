"""Encryption keys, with which the signing keys are encrypted where they are stored."""

import base64
import binascii
import hashlib

_BYTES = 32
_EXPECTED = f"expected base64 of {_BYTES} bytes, such as `openssl rand -base64 {_BYTES}` makes"


def parse_encryption_key(text: str) -> bytes:
    """Read a key; raises ValueError, which does not show it, unless it is base64 of 32 bytes."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(_EXPECTED) from None
    if len(key) != _BYTES:
        raise ValueError(f"{_EXPECTED}, got {len(key)} bytes")
    return key


def format_encryption_key(key: bytes) -> str:
    """Write a key in the form in which it is configured."""
    return base64.b64encode(key).decode()


def encryption_key_id(key: bytes) -> bytes:
    """Four bytes that tell which key encrypted something, and nothing of the key."""
    return hashlib.sha256(key).digest()[:4]
