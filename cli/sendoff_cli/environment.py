"""What the processes of an instance stand on: servers, a port, an encryption key, a webhook.

What is not configured is started or made here, and told to the processes by variables, which override the file. So the
settings are read a second time with these variables: that is how every process reads them.
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from socket import create_server, socket

from sendoff_cli.console import say
from sendoff_cli.encryption import encryption_overrides, make_encryption_key
from sendoff_cli.listening import reserved_port
from sendoff_cli.server_urls import address_overrides, servers_without_address
from sendoff_cli.servers.embedded import EmbeddedServers, embedded_servers
from sendoff_config.bootstrap import instance_name, require_addresses, require_closed_api
from sendoff_config.loading import load_settings
from sendoff_config.metrics.folder import VARIABLE, new_metrics_folder
from sendoff_config.settings import Settings


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings and variables of an instance's processes, and what this process holds open for them."""

    settings: Settings
    variables: Mapping[str, str]
    instance: str
    servers: EmbeddedServers | None = None
    sample: socket | None = None
    data: Path | None = None
    metrics: Path | None = None


def configured_environment(config: Path | None, stack: ExitStack, *, api: bool, ingest: bool) -> Environment:
    """Take the servers that are configured, and with `api` hold the port until `stack` is closed.

    Raises SettingsError when PostgreSQL, Redis or, for the ingest, NATS has no address, or the API would be open to
    others.
    """
    settings = load_settings(config)
    require_addresses(settings, "postgres", "redis", *(("nats",) if ingest else ()))
    return _with_overrides(config, _port_overrides(settings, stack) if api else {}, stack)


def embedded_environment(config: Path | None, data: Path, stack: ExitStack) -> Environment:
    """Start what has no address in the folder `data`, and a sample webhook if none is set, until `stack` is closed."""
    settings = load_settings(config)
    overrides = _port_overrides(settings, stack)
    missing = servers_without_address(settings)
    servers = sample = None
    if missing:
        say(f"starting {', '.join(missing)} in {data}")
        servers = stack.enter_context(embedded_servers(data, missing))
        overrides |= address_overrides(servers.addresses)
    if "postgres" in missing:
        make_encryption_key(data, settings)
        overrides |= encryption_overrides(data, settings)
    # Only next to a database of our own: on a shared one it would take other people's messages.
    if settings.webhook.url is None and "postgres" in missing:
        sample = stack.enter_context(create_server(("127.0.0.1", 0)))
        overrides |= _sample_webhook_overrides(sample.getsockname()[1], settings.webhook.trusted)
    return _with_overrides(config, overrides, stack, servers=servers, sample=sample, data=data)


def _port_overrides(settings: Settings, stack: ExitStack) -> dict[str, str]:
    require_closed_api(settings.http)
    port = stack.enter_context(reserved_port(settings.http.host, settings.http.port))
    return {"SENDOFF_HTTP__PORT": str(port)}


def _sample_webhook_overrides(port: int, trusted: Sequence[str]) -> dict[str, str]:
    """The sample is the default customer's webhook, and that customer may call it whatever else may be called."""
    server = f"127.0.0.1:{port}"
    return {
        "SENDOFF_WEBHOOK__URL": f"http://{server}/",
        "SENDOFF_WEBHOOK__TRUSTED": json.dumps([*trusted, server]),
    }


def _with_overrides(
    config: Path | None,
    overrides: Mapping[str, str],
    stack: ExitStack,
    *,
    servers: EmbeddedServers | None = None,
    sample: socket | None = None,
    data: Path | None = None,
) -> Environment:
    instance = instance_name()
    variables = {**os.environ, **overrides, "SENDOFF_INSTANCE": instance, "PYTHONUNBUFFERED": "1"}
    metrics = stack.enter_context(new_metrics_folder())
    variables[VARIABLE] = str(metrics)
    if config is not None:
        variables["SENDOFF_CONFIG"] = str(config.resolve())
    return Environment(load_settings(config, variables), variables, instance, servers, sample, data, metrics)
