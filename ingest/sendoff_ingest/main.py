"""One process of the ingest, from its start to its end: several of them share the work of one stream."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import structlog
import uvloop

from sendoff_config.bootstrap import (
    exit_when_misconfigured,
    instance_name,
    make_identity,
    read_process_index,
    read_settings,
    tune_gc,
)
from sendoff_config.ending_signals import set_by_signals
from sendoff_config.identity import Identity
from sendoff_config.logs import configure_logging
from sendoff_config.lossy_output import make_output_lossy
from sendoff_config.open_files import raise_open_files
from sendoff_config.priority import give_way
from sendoff_config.settings import Settings
from sendoff_ingest.composition import open_ingest

#: By how much a process that only tells of events gives way to others on its machine (`nice`).
_GIVES_WAY = 10
_log = structlog.get_logger("sendoff.ingest")


def main() -> None:
    """Run until an ending signal; ends with 2 and one line per mistake when the settings are wrong.

    They also are when a stream exists already that is not ours to change.
    """
    make_output_lossy("stdout", "stderr")
    parser = argparse.ArgumentParser(prog="sendoff_ingest", description="Run one process of Sendoff's ingest.")
    parser.add_argument("--config", type=Path, help="path of config.yaml; SENDOFF_CONFIG without it")
    path = parser.parse_args().config
    with exit_when_misconfigured():
        settings = read_settings(path, "postgres", "nats")
        identity = make_identity("ingest", read_process_index().index, instance_name())
        configure_logging(settings.logging, process=identity.name)
        raise_open_files()
        if settings.events.enabled and not settings.ingest.enabled:
            give_way(_GIVES_WAY)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(take_in(settings, identity))


async def take_in(settings: Settings, identity: Identity) -> None:
    """Take messages in until a signal; what is being stored then is stored and acknowledged before the end."""
    stop = asyncio.Event()
    with set_by_signals(stop):
        async with open_ingest(settings, identity, stop) as sessions:
            tune_gc()
            await run_all(one.run for one in sessions)
            _log.info("leaving")


async def run_all(works: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Run all until they have ended; what one of them raises ends the others and is raised."""
    tasks = [asyncio.ensure_future(work()) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
