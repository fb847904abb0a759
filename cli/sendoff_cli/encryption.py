"""The encryption key next to an embedded PostgreSQL: made once, kept with the data."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from sendoff_cli.servers.private_files import write_private
from sendoff_config.settings import Settings
from sendoff_domain.encryption_key import format_encryption_key, parse_encryption_key
from sendoff_domain.errors import SendoffError

_FILE = "encryption.key"
_KEY_BYTES = 32


def make_encryption_key(data: Path, settings: Settings) -> None:
    """Make the key of this data folder, unless it has one or others are configured; for who holds the folder's lock.

    It is on the disk before anything is encrypted with it, and never overwritten: what it encrypted would be lost.
    """
    file = data / _FILE
    if settings.security.encryption_keys or file.exists():
        return
    try:
        write_private(file, format_encryption_key(os.urandom(_KEY_BYTES)) + "\n")
    except OSError as error:
        raise SendoffError(f"{file} cannot be written: {error}") from None


def encryption_overrides(data: Path, settings: Settings) -> Mapping[str, str]:
    """The environment that gives a process the configured keys and, last of all, the one of this data folder."""
    file = data / _FILE
    try:
        key = file.read_text(encoding="ascii").strip()
        parse_encryption_key(key)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SendoffError(
            f"{file} holds the key that opens the stored signing keys, and cannot be read: {error}"
        ) from None
    configured = [one.get_secret_value() for one in settings.security.encryption_keys]
    return {"SENDOFF_SECURITY__ENCRYPTION_KEYS": json.dumps([*configured, key])}
