"""A sign of life on both buses every five seconds; Redis keeps the last one as a key for a while."""

import asyncio
import random

from sendoff_control.hints import Publisher
from sendoff_control.own_process import OwnProcess

INTERVAL = 5.0
_SPREAD = 0.1


class HeartbeatSender:
    """A service that sends a heartbeat on every bus; a bus that comes up sends its first one by itself."""

    name = "control heartbeat"

    def __init__(self, publisher: Publisher, own_process: OwnProcess) -> None:
        self._publisher = publisher
        self._own_process = own_process

    async def wait(self) -> None:
        """Wait for the next heartbeat."""
        await asyncio.sleep(INTERVAL * random.uniform(1 - _SPREAD, 1 + _SPREAD))  # noqa: S311 spreads load, no secret

    async def run_once(self) -> None:
        """Send one heartbeat."""
        self._publisher.send_heartbeat(self._own_process.heartbeat())
