"""Signing keys as they are stored: sealed with AES-256-GCM, or plain where no encryption key is configured.

A stored key begins with its format. 0: the key as it is. 1: four bytes that name the encryption key, a nonce of twelve
bytes, and the ciphertext with its tag.
"""

import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sendoff_config.settings import SecuritySettings
from sendoff_domain.encryption_key import encryption_key_id, parse_encryption_key
from sendoff_domain.errors import DecryptionError

_PLAIN, _AES_GCM = b"\0", b"\1"
_NONCE_BYTES = 12
_HEADER_BYTES = 5


class KeyCipher:
    """Encrypts with the first encryption key and decrypts with any of them; without one nothing is encrypted.

    What it seals belongs to one customer: under another customer's id it does not open.
    """

    def __init__(self, encryption_keys: Iterable[bytes] = ()) -> None:
        keys = tuple(encryption_keys)
        self._ciphers = {_AES_GCM + encryption_key_id(key): AESGCM(key) for key in keys}
        #: What everything begins with that `encrypt` makes.
        self.header = _AES_GCM + encryption_key_id(keys[0]) if keys else _PLAIN

    def knows(self, header: bytes) -> bool:
        """Whether what begins with this header can be opened."""
        return header in self._ciphers or header[:1] == _PLAIN

    def encrypt(self, key: bytes, customer_id: str) -> bytes:
        """A signing key as it is to be stored; each call gives other bytes."""
        cipher = self._ciphers.get(self.header)
        if cipher is None:
            return _PLAIN + key
        nonce = os.urandom(_NONCE_BYTES)
        return self.header + nonce + cipher.encrypt(nonce, key, self.header + customer_id.encode())

    def decrypt(self, sealed: bytes, customer_id: str) -> bytes:
        """The signing key; raises DecryptionError for an unknown encryption key, damage, or another customer."""
        if sealed[:1] == _PLAIN:
            return sealed[1:]
        header, nonce = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES]
        cipher = self._ciphers.get(header)
        if cipher is None:
            raise DecryptionError(_unknown(header, customer_id))
        try:
            return cipher.decrypt(nonce, sealed[_HEADER_BYTES + _NONCE_BYTES :], header + customer_id.encode())
        except (InvalidTag, ValueError):  # ValueError: too short for a nonce
            message = f"a signing key of customer {customer_id} is damaged, or was sealed for another customer"
            raise DecryptionError(message) from None


def new_key_cipher(settings: SecuritySettings) -> KeyCipher:
    """The cipher of the configured encryption keys."""
    return KeyCipher(parse_encryption_key(key.get_secret_value()) for key in settings.encryption_keys)


def _unknown(header: bytes, customer_id: str) -> str:
    if header[:1] != _AES_GCM:
        return f"a signing key of customer {customer_id} is stored in a form that this version does not know"
    return (
        f"a signing key of customer {customer_id} was sealed with the encryption key {header[1:].hex()}, which is not"
        " among security.encryptionKeys (SENDOFF_SECURITY__ENCRYPTION_KEYS): add that key again"
    )
