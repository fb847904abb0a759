"""A sign of life on both buses every five seconds; Redis keeps the last one as a key for a while."""

import asyncio
import random
from collections.abc import Callable, Sequence

from sendoff_control.bus import Bus
from sendoff_control.protocol import Heartbeat, encode

INTERVAL = 5.0
_SPREAD = 0.1


async def beat_forever(buses: Sequence[Bus], heartbeat: Callable[[], Heartbeat]) -> None:
    """Send heartbeats until cancelled; a bus that comes up has had its first one already."""
    while True:
        await asyncio.sleep(INTERVAL * random.uniform(1 - _SPREAD, 1 + _SPREAD))  # noqa: S311 spreads load, no secret
        payload = encode(heartbeat())
        for bus in buses:
            bus.send("heartbeat", payload)
