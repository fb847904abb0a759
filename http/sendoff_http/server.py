"""One process of the API: several of them share the port, and the kernel spreads the connections."""

import argparse
import asyncio
import gc
import os
import signal
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import structlog
import uvloop
from aiohttp import web

import sendoff_http
from sendoff_config.identity import Identity
from sendoff_config.loading import load_settings
from sendoff_config.logs import configure_logging
from sendoff_config.settings import Settings
from sendoff_domain.errors import SettingsError
from sendoff_http.app import create_app

#: How long requests that are being served may take at a shutdown.
_SHUTDOWN_SECONDS = 20
_OBJECTS_UNTIL_LOOKED = 10_000
_log = structlog.get_logger("sendoff.http")


def main() -> None:
    """Run until SIGTERM or SIGINT; ends with 2 and one line per mistake when the settings are wrong."""
    parser = argparse.ArgumentParser(prog="sendoff_http", description="Run one process of Sendoff's API.")
    parser.add_argument("--config", type=Path, default=os.environ.get("SENDOFF_CONFIG"), help="path of config.yaml")
    path = parser.parse_args().config
    try:
        settings, identity = _read_settings(Path(path) if path else None), read_identity()
    except SettingsError as error:
        sys.exit(_complain(str(error)))
    configure_logging(settings.logging, process=identity.name)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, identity))


def _read_settings(path: Path | None) -> Settings:
    settings = load_settings(path)
    if settings.postgres.url is None:
        raise SettingsError("expected postgres.url: only `sendoff up` starts servers by itself")
    return settings


def _complain(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 2


def read_identity() -> Identity:
    """Who this process is: SENDOFF_INSTANCE, and SENDOFF_PROCESS as `index/count` (`0/1` without it)."""
    index, _, count = os.environ.get("SENDOFF_PROCESS", "0/1").partition("/")
    if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise SettingsError("SENDOFF_PROCESS: expected index/count such as 0/2")
    return Identity(
        instance=os.environ.get("SENDOFF_INSTANCE") or f"{socket.gethostname()}-{uuid4().hex[:8]}",
        process=int(index),
        role="http",
        host=socket.gethostname(),
        pid=os.getpid(),
        version=sendoff_http.__version__,
        started_at=datetime.now(UTC),
    )


def _rest_from_garbage() -> None:
    """Look for cycles less often: requests leave none behind, and looking took 5 % of accepting a message."""
    gc.collect()
    gc.freeze()  # what was made at the start stays
    gc.set_threshold(_OBJECTS_UNTIL_LOOKED, 20, 20)


async def serve(settings: Settings, identity: Identity) -> None:
    """Serve until a signal; then stop listening, finish what is being served, and close everything."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(create_app(settings, identity), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    _rest_from_garbage()
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.http.host, settings.http.port, reuse_port=True, backlog=1024)
        await site.start()
        _log.info("listening", addresses=[f"{host}:{port}" for host, port, *_ in runner.addresses])
        await stop.wait()
        _log.info("shutting down")
    finally:
        await runner.cleanup()
