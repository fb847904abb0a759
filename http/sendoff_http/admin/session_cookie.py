"""What the session's cookie holds: a key's id and when the session ends, signed; never the secret.

The signature covers the digest of the key's secret, too, so that a session ends with the secret it was opened with.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

_SEPARATOR = "\n"  # part of no key's id
#: What the key of all API processes is turned into first, so that nothing else that is signed with it is a session.
_PURPOSE = b"sendoff admin session"


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """A session as a browser brings it; nothing in it counts before `is_genuine` says so."""

    key_id: str
    ends_at: int
    _signature: bytes

    def is_genuine(self, signing_key: bytes, digest: bytes, now: float) -> bool:
        """Whether we opened this session for the key with this digest, and it has not ended yet."""
        signature = _sign(signing_key, self.key_id, self.ends_at, digest)
        return hmac.compare_digest(self._signature, signature) and now < self.ends_at


def signing_key_of(shared_key: bytes) -> bytes:
    """The key that cookies are signed with, from one that every API process of the fleet reads."""
    return hmac.digest(shared_key, _PURPOSE, hashlib.sha256)


def seal_session(signing_key: bytes, key_id: str, digest: bytes, ends_at: int) -> str:
    """The value of the cookie."""
    signature = _sign(signing_key, key_id, ends_at, digest)
    raw = _SEPARATOR.join((key_id, str(ends_at), signature.hex()))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def read_session(value: str) -> SessionCookie | None:
    """What a cookie says; None for what is no session at all."""
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True).decode()
        key_id, ends_at, signature = raw.split(_SEPARATOR)
        return SessionCookie(key_id, int(ends_at), bytes.fromhex(signature))
    except (binascii.Error, ValueError):
        return None


def form_token(signing_key: bytes, visitor: str, key_id: str) -> str:
    """What each form of this visitor carries: no page of another site can know it."""
    return hmac.digest(signing_key, f"form{_SEPARATOR}{visitor}{_SEPARATOR}{key_id}".encode(), hashlib.sha256).hex()


def _sign(signing_key: bytes, key_id: str, ends_at: int, digest: bytes) -> bytes:
    signed = _SEPARATOR.join(("session", key_id, str(ends_at), digest.hex()))
    return hmac.digest(signing_key, signed.encode(), hashlib.sha256)
