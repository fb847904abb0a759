"""A customer's headers as they are stored: what looks like a credential by its name is sealed, as signing keys are.

In the column a sealed value is `{"sealed": <base64>}`, any other one its text.
"""

from base64 import b64decode, b64encode
from collections.abc import Container, Mapping
from typing import Any

from sendoff_domain.errors import DecryptionError
from sendoff_domain.webhook_headers import MASK, is_confidential
from sendoff_webhooks.keys.encryption import SEAL_PLAIN, KeyCipher, Place, header_place

_SEALED = "sealed"
#: A row of `customers`, or what is to be written to one, with `id`, `incarnation`, `webhook_url` and `headers`.
Columns = Mapping[str, Any]
Stored = Mapping[str, Any]


def seal_headers(columns: Columns, key_cipher: KeyCipher) -> dict[str, Any]:
    """The columns with their credentials sealed; as they are where there is no encryption key."""
    return {**columns, "headers": {name: _seal(columns, name, key_cipher) for name in columns["headers"]}}


def open_headers(
    columns: Columns, key_cipher: KeyCipher, *, but: Container[str] = (), even_plain: bool = False
) -> dict[str, Any]:
    """The columns with readable headers, those without whose names in small letters are among `but`.

    Raises DecryptionError for one that does not open, and for one that is stored plain although there are encryption
    keys, unless `even_plain` is asked for.
    """
    kept = [name for name in columns["headers"] if name.lower() not in but]
    return {**columns, "headers": {name: _open(columns, name, key_cipher, even_plain=even_plain) for name in kept}}


def hide_headers(headers: Stored) -> dict[str, str]:
    """The headers with a mask for each that is sealed."""
    return {name: value if isinstance(value, str) else MASK for name, value in headers.items()}


def sealed_values(headers: Stored) -> list[bytes]:
    """How the credentials among the headers are stored: sealed, or plain behind a zero."""
    return [_bytes(value) for name, value in headers.items() if is_confidential(name) or not isinstance(value, str)]


def _seal(columns: Columns, name: str, key_cipher: KeyCipher) -> Any:
    value = columns["headers"][name]
    if key_cipher.is_plain or not is_confidential(name):
        return value
    return {_SEALED: b64encode(key_cipher.encrypt(value.encode(), _place(columns, name))).decode()}


def _open(columns: Columns, name: str, key_cipher: KeyCipher, *, even_plain: bool) -> str:
    value, place = columns["headers"][name], _place(columns, name)
    if not isinstance(value, str):
        return key_cipher.decrypt(_bytes(value), place).decode()
    if key_cipher.is_plain or even_plain or not is_confidential(name):
        return value
    raise DecryptionError(f"{place.name} is stored plain: {SEAL_PLAIN}")


def _place(columns: Columns, name: str) -> Place:
    return header_place(columns["id"], incarnation=columns["incarnation"], header=name, url=columns["webhook_url"])


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return b"\0" + value.encode()
    try:
        return b64decode(value[_SEALED], validate=True)
    except (KeyError, TypeError, ValueError):
        return b""
