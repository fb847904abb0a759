"""The fixtures of a whole Sendoff whose events are consumed."""

from collections.abc import AsyncIterator

import pytest

from support.event_log import SMALL_STREAMS, EventLog, open_event_log
from support.instances import Launcher
from support.producer import SMALL_STREAMS as SMALL_INGEST
from support.producer import open_producer
from support.whole_sendoff import api, launch, prefix, receiver

__all__ = ["api", "launch", "prefix", "receiver"]


@pytest.fixture
async def events(launch: Launcher, nats_url: str, prefix: str) -> AsyncIterator[EventLog]:
    """What the fleet that `launch` starts publishes; `launch.ingest` starts the publisher."""
    launch.environment |= {f"SENDOFF_{key}": value for key, value in (SMALL_STREAMS | SMALL_INGEST).items()}
    launch.environment |= {"SENDOFF_EVENTS__ENABLED": "true", "SENDOFF_BREAKER__ENABLED": "false"}
    async with open_event_log(nats_url, prefix) as opened:
        yield opened
        for process in launch.processes:  # or one of them makes the streams again
            if process.alive:
                process.stop()
        async with open_producer(nats_url, prefix, ""):
            pass  # its end takes away what an ingest has made
