"""One process of the API: several of them share the port, and the kernel spreads the connections."""

import argparse
import asyncio
from pathlib import Path

import structlog
import uvloop
from aiohttp import web

from sendoff_config.bootstrap import (
    exit_when_misconfigured,
    instance_name,
    make_identity,
    read_process_index,
    read_settings,
    require_closed_api,
    tune_gc,
)
from sendoff_config.ending_signals import set_by_signals
from sendoff_config.identity import Identity
from sendoff_config.logs import configure_logging
from sendoff_config.lossy_output import make_output_lossy
from sendoff_config.open_files import raise_open_files
from sendoff_config.settings import Settings
from sendoff_http.app import create_app
from sendoff_http.web.connections import ApiRunner
from sendoff_http.web.keys import LEAVING

#: How long requests that are being served may take at a shutdown.
_SHUTDOWN_SECONDS = 20
_log = structlog.get_logger("sendoff.http")


def main() -> None:
    """Run until an ending signal; ends with 2 and one line per mistake when the settings are wrong."""
    make_output_lossy("stdout", "stderr")
    parser = argparse.ArgumentParser(prog="sendoff_http", description="Run one process of Sendoff's API.")
    parser.add_argument("--config", type=Path, help="path of config.yaml; SENDOFF_CONFIG without it")
    path = parser.parse_args().config
    with exit_when_misconfigured():
        settings = read_settings(path, "postgres")
        require_closed_api(settings.http)
        identity = make_identity("http", read_process_index().index, instance_name())
    configure_logging(settings.logging, process=identity.name)
    raise_open_files()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, identity))


async def serve(settings: Settings, identity: Identity) -> None:
    """Serve until a signal; then leave unnoticed, and close everything.

    Readiness fails first, and each connection is closed with its next response. After `http.shutdownDelay`, in which a
    gateway can take notice, no connection is taken any more, and what is being served is finished.
    """
    stop = asyncio.Event()
    with set_by_signals(stop):
        app = create_app(settings, identity)
        runner = ApiRunner(app, shutdown_timeout=_SHUTDOWN_SECONDS)
        tune_gc()
        await runner.setup()
        try:
            site = web.TCPSite(runner, settings.http.host, settings.http.port, reuse_port=True, backlog=1024)
            await site.start()
            _log.info("listening", addresses=[f"{host}:{port}" for host, port, *_ in runner.addresses])
            await stop.wait()
            _log.info("shutting down")
            app[LEAVING].set()
            await asyncio.sleep(settings.http.shutdown_delay.total_seconds())
            await runner.stop_listening()
        finally:
            await runner.cleanup()
