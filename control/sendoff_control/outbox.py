"""What a bus has still to send: made before the buses, so that a member can speak without knowing them."""

import asyncio
from dataclasses import dataclass
from typing import Literal

import structlog

from sendoff_control.protocol import BusHealth

Topic = Literal["state", "ack", "heartbeat", "wake", "customer"]
BusName = Literal["nats", "redis"]
#: More hints than this are not kept for a bus that is slower than the process.
_LIMIT = 1000

log = structlog.get_logger("sendoff.control")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Bytes of a topic, or the `reply` to a request, whose subject is `reply_to`."""

    topic: Topic | Literal["reply"]
    payload: bytes
    reply_to: str = ""


class Outbox:
    """Takes hints for one bus while that is up, and drops them while it is down.

    Nothing is kept for later: a command that is replayed after a reconnection may be the opposite of what is wanted by
    then, and a state is announced again anyway.
    """

    def __init__(self, bus: BusName) -> None:
        self.bus = bus
        self._queue: asyncio.Queue[Outgoing] | None = None

    @property
    def health(self) -> BusHealth:
        """Whether this process is subscribed to the bus."""
        return "down" if self._queue is None else "up"

    def open(self) -> asyncio.Queue[Outgoing]:
        """Take hints from now on; returns the queue from which the bus sends them."""
        self._queue = asyncio.Queue(_LIMIT)
        return self._queue

    def close(self) -> None:
        """Drop what is left and everything that comes."""
        self._queue = None

    def put(self, outgoing: Outgoing) -> None:
        """Leave something to be sent if the bus is up; returns at once."""
        if self._queue is not None and not self._queue.full():
            self._queue.put_nowait(outgoing)

    async def drained(self, timeout: float) -> None:
        """Wait until what was put is on its way, `timeout` seconds at most."""
        if self._queue is None:
            return
        try:
            async with asyncio.timeout(timeout):
                await self._queue.join()
        except TimeoutError:
            log.info("leaving with unsent hints", bus=self.bus)
