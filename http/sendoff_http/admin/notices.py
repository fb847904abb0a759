"""What a form says on the page that follows it: a short text that travels in a signed cookie."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

Tone = Literal["good", "bad"]
#: What a browser surely keeps.
_LONGEST = 1_000
_MAC_BYTES = 32


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence, and whether it is good news."""

    text: str
    tone: Tone = "good"

    def seal(self, signing_key: bytes) -> str:
        """The value of the cookie."""
        raw = f"{self.tone}\n{self.text[:_LONGEST]}".encode()
        return base64.urlsafe_b64encode(_mac(signing_key, raw) + raw).decode()


def read_notice(signing_key: bytes, value: str) -> Notice | None:
    """What the cookie says; None for one that is not ours."""
    try:
        sealed = base64.urlsafe_b64decode(value)
    except (binascii.Error, ValueError):
        return None
    mac, raw = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(signing_key, raw)):
        return None
    tone, _, text = raw.decode().partition("\n")
    return Notice(text, "good" if tone == "good" else "bad")


def _mac(signing_key: bytes, raw: bytes) -> bytes:
    return hmac.digest(signing_key, b"notice\n" + raw, hashlib.sha256)
