"""Secrets as they are stored: sealed with AES-256-GCM, or plain where no encryption key is configured.

A stored secret begins with its format. 0: the secret as it is. 1: four bytes that name the encryption key, a nonce of
twelve bytes, and the ciphertext with its tag.
"""

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sendoff_config.settings import SecuritySettings
from sendoff_domain.encryption_key import encryption_key_id, parse_encryption_key
from sendoff_domain.errors import DecryptionError
from sendoff_domain.webhook_url import parse_target

_PLAIN, _AES_GCM = b"\0", b"\1"
_NONCE_BYTES = 12
_HEADER_BYTES = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Place(NamedTuple):
    """Where a secret is stored: what is sealed for one place does not open in another.

    `name` is what errors call the secret, and `bound` what is sealed in.
    """

    name: str
    bound: bytes


def key_place(
    customer_id: str, *, incarnation: int, key_id: int, created_at: datetime, expires_at: datetime | None
) -> Place:
    """The row of a signing key, with its times: in a row that was changed it does not open."""
    ends = "-" if expires_at is None else _microseconds(expires_at)
    bound = f"signing key {incarnation} {key_id} {_microseconds(created_at)} {ends}"
    return Place(f"a signing key of customer {customer_id}", bound.encode())


def header_place(customer_id: str, *, incarnation: int, header: str, url: str | None) -> Place:
    """A header of one customer's webhook: for another origin, which the value was not given for, it does not open."""
    bound = f"header {incarnation} {header.lower()} {_origin(url)}"
    return Place(f"the header {header} of customer {customer_id}", bound.encode())


class KeyCipher:
    """Encrypts with the first encryption key and decrypts with any of them; without one nothing is encrypted."""

    def __init__(self, encryption_keys: Iterable[bytes] = ()) -> None:
        keys = tuple(encryption_keys)
        self._ciphers = {_AES_GCM + encryption_key_id(key): AESGCM(key) for key in keys}
        #: What everything begins with that `encrypt` makes.
        self.header = _AES_GCM + encryption_key_id(keys[0]) if keys else _PLAIN

    @property
    def is_plain(self) -> bool:
        """Whether there is no encryption key, so that secrets are stored as they are."""
        return not self._ciphers

    def knows(self, header: bytes) -> bool:
        """Whether what begins with this header can be opened."""
        return header in self._ciphers or (self.is_plain and header[:1] == _PLAIN)

    def encrypt(self, secret: bytes, place: Place) -> bytes:
        """A secret as it is to be stored there; each call gives other bytes."""
        cipher = self._ciphers.get(self.header)
        if cipher is None:
            return _PLAIN + secret
        nonce = os.urandom(_NONCE_BYTES)
        return self.header + nonce + cipher.encrypt(nonce, secret, self.header + place.bound)

    def decrypt(self, sealed: bytes, place: Place, *, even_plain: bool = False) -> bytes:
        """The secret; raises DecryptionError for an unknown encryption key, damage, or another place.

        A plain one is refused, too, where there are encryption keys, unless it is asked for `even_plain`: who can write
        to the database could have put it there.
        """
        if sealed[:1] == _PLAIN:
            if even_plain or self.is_plain:
                return sealed[1:]
            raise DecryptionError(f"{place.name} is stored plain: {SEAL_PLAIN}")
        header, nonce = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES]
        cipher = self._ciphers.get(header)
        if cipher is None:
            raise DecryptionError(_unknown(header, place))
        try:
            return cipher.decrypt(nonce, sealed[_HEADER_BYTES + _NONCE_BYTES :], header + place.bound)
        except (InvalidTag, ValueError):  # ValueError: too short for a nonce
            message = f"{place.name} is damaged, or was sealed for another row, or its row was changed"
            raise DecryptionError(message) from None


#: What to do about secrets that were stored before there was an encryption key.
SEAL_PLAIN = (
    "run `sendoff migrate --seal-plain` if it was stored before there was an encryption key; otherwise give it anew"
)


def is_plain(sealed: bytes) -> bool:
    """Whether a stored secret is not sealed."""
    return sealed[:1] == _PLAIN


def header_of(sealed: bytes) -> bytes:
    """What tells how a stored secret is sealed."""
    return sealed[:1] if is_plain(sealed) else sealed[:_HEADER_BYTES]


def new_key_cipher(settings: SecuritySettings) -> KeyCipher:
    """The cipher of the configured encryption keys."""
    return KeyCipher(parse_encryption_key(key.get_secret_value()) for key in settings.encryption_keys)


def _unknown(header: bytes, place: Place) -> str:
    if header[:1] != _AES_GCM:
        return f"{place.name} is stored in a form that this version does not know"
    return (
        f"{place.name} was sealed with the encryption key {header[1:].hex()}, which is not"
        " among security.encryptionKeys (SENDOFF_SECURITY__ENCRYPTION_KEYS): add that key again"
    )


def _origin(url: str | None) -> str:
    try:
        return "-" if url is None else " ".join(map(str, parse_target(url).origin))
    except ValueError:  # it can't be called anyway
        return f"- {url}"


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
