"""The fixtures of a whole Sendoff, and a producer that publishes into its stream."""

from collections.abc import AsyncIterator

import pytest

from support.instances import Launcher
from support.producer import SMALL_STREAMS, Producer, open_producer
from support.whole_sendoff import api, launch, prefix, receiver

__all__ = ["api", "launch", "prefix", "receiver"]


@pytest.fixture
async def producer(launch: Launcher, nats_url: str, prefix: str, sendoff_database: str) -> AsyncIterator[Producer]:
    """A producer of the fleet that `launch` starts."""
    launch.environment |= {f"SENDOFF_{key}": value for key, value in SMALL_STREAMS.items()}
    async with open_producer(nats_url, prefix, sendoff_database) as opened:
        yield opened
        for process in launch.processes:  # or one of them makes the streams again
            if process.alive:
                process.stop()
