"""The command: runs every check and prints the report."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import typer
from rich.markup import escape

from sendoff_cli.console import show, show_json
from sendoff_cli.doctor.encryption import check_encryption
from sendoff_cli.doctor.finding import Finding, Level, fail, ok
from sendoff_cli.doctor.machine import (
    check_access,
    check_embedded,
    check_files,
    check_port,
    check_python,
    check_webhook,
)
from sendoff_cli.doctor.nats import check_nats
from sendoff_cli.doctor.postgres import check_postgres
from sendoff_cli.doctor.redis import check_redis
from sendoff_cli.doctor.streams import check_streams
from sendoff_cli.options import DEFAULT_DATA, ConfigOption, DataOption, JsonOption, chosen_config
from sendoff_cli.server_urls import servers_without_address, with_embedded_addresses
from sendoff_cli.servers.embedded import ServerName
from sendoff_cli.servers.endpoints import is_free
from sendoff_config.loading import load_settings
from sendoff_config.settings import Settings
from sendoff_domain.errors import SendoffError

_STYLES: dict[Level, str] = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def add_commands(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("doctor")(doctor)


def doctor(config: ConfigOption = None, data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """Check everything that Sendoff needs, and say what to do; fails if anything would keep it from working."""
    findings = asyncio.run(examine(chosen_config(config), data))
    healthy = all(finding.level != "fail" for finding in findings)
    if as_json:
        show_json({"healthy": healthy, "findings": [asdict(finding) for finding in findings]})
    else:
        show("\n".join(_line(finding) for finding in findings))
    raise typer.Exit(0 if healthy else 1)


async def examine(config: Path | None, data: Path) -> list[Finding]:
    """Every finding; with a wrong configuration there is nothing else to look at."""
    findings = [check_python()]
    try:
        configured = load_settings(config)
        settings = with_embedded_addresses(config, data)
    except SendoffError as error:
        return [*findings, fail("config", str(error), "correct it; config.yaml names every key")]
    findings.append(ok("config", str(config or "none: defaults and environment")))
    findings.append(check_encryption(settings, embedded=configured.postgres.url is None))
    findings += [check_files(settings), check_access(settings.http)]
    findings += await _servers(configured, settings)
    return [*findings, await check_webhook(settings), await check_port(settings.http)]


async def _servers(configured: Settings, settings: Settings) -> list[Finding]:
    embedded = servers_without_address(configured)
    resting = [name for name in embedded if not _listens(name, settings)]
    findings = [check_embedded(name) for name in resting]
    if "postgres" not in resting:
        findings += [finding async for finding in check_postgres(settings)]
    if "redis" not in resting:
        findings += await asyncio.to_thread(lambda: list(check_redis(settings.redis)))
    if "nats" not in resting:
        findings.append(await check_nats(settings))
        findings += await check_streams(settings)
    return findings


def _listens(name: ServerName, settings: Settings) -> bool:
    """Whether an embedded server runs at the moment, at the address of its last start."""
    address = {"postgres": settings.postgres.url, "redis": settings.redis.broker_url, "nats": settings.nats.url}[name]
    port = urlsplit(address).port if address else None
    return port is not None and not is_free(port)


def _line(finding: Finding) -> str:
    style = _STYLES[finding.level]
    line = f"[{style}]{finding.level:<4}[/]  {finding.check:<15}  {escape(finding.detail)}"
    return line if finding.advice is None else f"{line}\n      {'':<15}  -> {escape(finding.advice)}"
