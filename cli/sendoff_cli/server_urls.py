"""Where the servers are: as configured, or where `sendoff up` runs them."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from sendoff_cli.encryption import encryption_overrides
from sendoff_cli.servers.embedded import ServerName
from sendoff_config.loading import load_settings
from sendoff_config.settings import Settings
from sendoff_domain.errors import SendoffError


def servers_without_address(settings: Settings) -> list[ServerName]:
    """The servers that `sendoff up` starts itself."""
    addresses: dict[ServerName, str | None] = {
        "postgres": settings.postgres.url,
        "redis": settings.redis.broker_url,
        "nats": settings.nats.url,
    }
    return [name for name, address in addresses.items() if address is None]


def address_overrides(addresses: Mapping[str, str]) -> dict[str, str]:
    """The environment that points a process at the embedded servers; the markers get a database of their own."""
    overrides = {}
    if "postgres" in addresses:
        overrides["SENDOFF_POSTGRES__URL"] = addresses["postgres"]
    if "redis" in addresses:
        server = addresses["redis"].rpartition("/")[0]
        overrides |= {"SENDOFF_REDIS__BROKER_URL": f"{server}/0", "SENDOFF_REDIS__CACHE_URL": f"{server}/1"}
    if "nats" in addresses:
        overrides["SENDOFF_NATS__URL"] = addresses["nats"]
    return overrides


def with_embedded_addresses(config: Path | None, data: Path) -> Settings:
    """The settings, with the addresses and the encryption key of the servers of `data` for what is not configured.

    The servers may be stopped; a folder that never had any adds nothing.
    """
    settings = load_settings(config)
    known = _read_addresses(data / "servers.json")
    missing = servers_without_address(settings)
    found: dict[str, str] = {name: known[name] for name in missing if name in known}
    overrides = address_overrides(found)
    if "postgres" in missing:
        overrides |= encryption_overrides(data, settings)
    return load_settings(config, {**os.environ, **overrides}) if overrides else settings


def _read_addresses(file: Path) -> dict[str, str]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SendoffError(f"{file} cannot be read: {error}") from None
    return {str(name): str(address) for name, address in document.items()} if isinstance(document, dict) else {}
