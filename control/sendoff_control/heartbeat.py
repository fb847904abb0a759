"""A sign of life on both buses every five seconds; Redis keeps the last one as a key for a while."""

import asyncio
import random
from collections.abc import Callable

from sendoff_control.protocol import Heartbeat
from sendoff_control.publisher import Publisher

INTERVAL = 5.0
_SPREAD = 0.1


async def beat_forever(publisher: Publisher, heartbeat: Callable[[], Heartbeat]) -> None:
    """Send heartbeats until cancelled; a bus that comes up has had its first one already."""
    while True:
        await asyncio.sleep(INTERVAL * random.uniform(1 - _SPREAD, 1 + _SPREAD))  # noqa: S311 spreads load, no secret
        publisher.send_heartbeat(heartbeat())
