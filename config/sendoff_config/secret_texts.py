"""Secrets in settings, each with the form that makes it one: an empty or short secret opens a door silently."""

from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, SecretStr

from sendoff_domain.encryption_key import parse_encryption_key
from sendoff_domain.signing_secret import parse_secret

#: 16 characters that a program chose are some 80 bits or more: too many to try.
_SHORTEST_API_SECRET = 16


def _encryption_key(value: SecretStr) -> SecretStr:
    parse_encryption_key(value.get_secret_value())
    return value


def _signing_secret(value: SecretStr) -> SecretStr:
    parse_secret(value.get_secret_value())
    return value


def _api_secret(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    if len(secret) < _SHORTEST_API_SECRET or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ValueError(f"expected a secret of at least {_SHORTEST_API_SECRET} ASCII characters without blanks")
    return value


def _server_secret(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("expected a secret that is not empty, or no such key")
    return value


def _with_password_or_none(text: str) -> str:
    for one in text.split(","):
        parts = urlsplit(one.strip())
        queried = parse_qs(parts.query, keep_blank_values=True).get("password", ["-"])
        login = parts.netloc.rpartition("@")[0]
        if not all(map(str.strip, queried)) or (":" in login and not login.partition(":")[2].strip()):
            raise ValueError("expected a password after the colon, or no colon")
    return text


EncryptionKey = Annotated[SecretStr, AfterValidator(_encryption_key)]
SigningSecret = Annotated[SecretStr, AfterValidator(_signing_secret)]
#: A key of the API; its owner chooses it, so only its length can be held to something.
ApiSecret = Annotated[SecretStr, AfterValidator(_api_secret)]
#: What a server of others wants to hear: short is their affair, empty is a mistake.
ServerSecret = Annotated[SecretStr, AfterValidator(_server_secret)]
#: An address of a server without a password, or with one: a colon before nothing is a variable that was forgotten.
WITH_PASSWORD_OR_NONE = AfterValidator(_with_password_or_none)
