"""`sendoff up`, `sendoff worker` and `sendoff http`: one instance with some or all of its processes."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from socket import create_server, socket

from sendoff_cli.console import say, show
from sendoff_cli.database import prepare_database, wait_for_schema
from sendoff_cli.encryption import encryption_overrides, make_encryption_key
from sendoff_cli.instance import run_processes, wait_until_ready
from sendoff_cli.listening import reachable_host, reserved_port
from sendoff_cli.processes import (
    http_processes,
    instance_environment,
    sample_process,
    worker_processes,
)
from sendoff_cli.server_urls import address_overrides, servers_without_address
from sendoff_cli.servers.embedded import EmbeddedServers, embedded_servers
from sendoff_cli.summary import Started, summary
from sendoff_cli.supervisor import Process
from sendoff_config.bootstrap import instance_name, require_addresses
from sendoff_config.loading import load_settings
from sendoff_config.settings import SecuritySettings, Settings

#: How long a server that somebody else starts is waited for (seconds).
_SERVER_PATIENCE = 60.0
_LOOPBACK = IPv4Network("127.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an instance stands on: its settings as its processes will read them, and what this process holds open."""

    settings: Settings
    environment: Mapping[str, str]
    instance: str
    servers: EmbeddedServers | None = None
    sample: socket | None = None


def run_up(config: Path | None, data: Path) -> int:
    """Run everything that has no address yet, then the API and the workers; returns the code to exit with."""
    with _sigterm_like_sigint(), ExitStack() as stack:
        around = _surroundings(config, data, stack)
        applied = asyncio.run(prepare_database(around.settings, _SERVER_PATIENCE, say))
        if applied:
            say(f"the database is up to date: {', '.join(applied)}")
        return asyncio.run(_run(around, data, api=True, workers=True))


def run_http(config: Path | None) -> int:
    """Run the API's processes only; the servers' addresses must be configured."""
    return _run_part(config, api=True)


def run_workers(config: Path | None) -> int:
    """Run the worker processes only; the servers' addresses must be configured."""
    return _run_part(config, workers=True)


def _run_part(config: Path | None, *, api: bool = False, workers: bool = False) -> int:
    settings = load_settings(config)
    require_addresses(settings, "postgres", "redis")
    with _sigterm_like_sigint(), ExitStack() as stack:
        overrides = _port(settings, stack) if api else {}
        around = _made(config, overrides)
        asyncio.run(wait_for_schema(around.settings, _SERVER_PATIENCE, say))
        return asyncio.run(_run(around, None, api=api, workers=workers))


def _surroundings(config: Path | None, data: Path, stack: ExitStack) -> Surroundings:
    settings = load_settings(config)
    overrides = _port(settings, stack)
    missing = servers_without_address(settings)
    servers = None
    if missing:
        say(f"starting {', '.join(missing)} in {data}")
        servers = stack.enter_context(embedded_servers(data, missing))
        overrides |= address_overrides(servers.addresses)
    if "postgres" in missing:
        make_encryption_key(data, settings)
        overrides |= encryption_overrides(data, settings)
    sample = None
    # Only next to a database of our own: on a shared one it would take other people's messages.
    if settings.webhook.url is None and "postgres" in missing:
        sample = stack.enter_context(create_server(("127.0.0.1", 0)))
        overrides |= _calling(sample.getsockname()[1], settings.security)
    return _made(config, overrides, servers, sample)


def _calling(port: int, security: SecuritySettings) -> dict[str, str]:
    """The sample is the webhook, and may be called whatever else may be."""
    networks = [str(network) for network in {*security.allowed_networks, _LOOPBACK}]
    ports = [str(ports) for ports in (*security.allowed_ports, port)]
    return {
        "SENDOFF_WEBHOOK__URL": f"http://127.0.0.1:{port}/",
        "SENDOFF_SECURITY__ALLOWED_NETWORKS": json.dumps(networks),
        "SENDOFF_SECURITY__ALLOWED_PORTS": json.dumps(ports),
    }


def _port(settings: Settings, stack: ExitStack) -> dict[str, str]:
    port = stack.enter_context(reserved_port(settings.http.host, settings.http.port))
    return {"SENDOFF_HTTP__PORT": str(port)}


def _made(
    config: Path | None,
    overrides: Mapping[str, str],
    servers: EmbeddedServers | None = None,
    sample: socket | None = None,
) -> Surroundings:
    settings = load_settings(config, {**os.environ, **overrides})
    instance = instance_name()
    return Surroundings(settings, instance_environment(config, instance, overrides), instance, servers, sample)


async def _run(around: Surroundings, data: Path | None, *, api: bool, workers: bool) -> int:
    settings, environment = around.settings, around.environment
    stages: list[list[Process]] = []  # in the order in which they stop: no new messages, then no deliveries
    if api:
        stages.append(http_processes(settings, environment))
    if workers:
        stages.append(worker_processes(settings, environment))
    processes = [process for stage in stages for process in stage]
    if around.sample is not None:
        stages.append([sample_process(around.sample, environment)])
    url = f"http://{reachable_host(settings.http.host)}:{settings.http.port}" if api else None

    async def announce() -> None:
        if url is not None:
            await wait_until_ready(url)
        sample = settings.webhook.url if around.sample else None
        show(summary(Started(around.instance, tuple(process.name for process in processes), url, sample, data)))

    return await run_processes(stages, around.servers, announce)


@contextmanager
def _sigterm_like_sigint() -> Iterator[None]:
    """Within the block SIGTERM raises KeyboardInterrupt as Ctrl-C does, so that what was begun is ended in order."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
