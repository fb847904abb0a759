"""How lanes pull: the shared one reports floods, and the others step back while it is in use."""

import asyncio
import math
import time

from nats.aio.client import Client
from nats.aio.msg import Msg

from sendoff_ingest.pull import Pull
from sendoff_ingest.reading import pending_after
from sendoff_ingest.streams import CONSUMER

#: The shared lane is in use for so long after its last message (seconds).
_IN_USE = 1.0
#: While it is, a flood comes in smaller batches, and after each rests for a multiple of the time that it took.
_PART_OF_BATCH, _REST, _LONGEST_REST = 5, 3.0, 0.5
#: The shared lane begins with this part of a batch (one in so many), and asks for so many times as much after each.
_FIRST_PART, _GROWTH = 4, 1.1


def most_in_shared_lane(batch_size: int) -> int:
    """So many messages of one group hold up the others for too long."""
    return batch_size // 2


class Precedence:
    """Whether the shared lane of this process is in use."""

    def __init__(self) -> None:
        self._used_at = float("-inf")

    def use(self) -> None:
        """Note that a message came on it."""
        self._used_at = time.monotonic()

    @property
    def is_claimed(self) -> bool:
        """Whether the others are to step back."""
        return time.monotonic() - self._used_at < _IN_USE


class SharedPull(Pull):
    """Reports when much is left behind what it has taken: it may be a flood.

    A batch begins as a part of what it may be, and grows slowly while all come full: whole ones of many customers are
    stored faster, but behind whole ones of a flood all others wait until that has its lane.
    """

    def __init__(
        self, client: Client, stream: str, batch_size: int, *, precedence: Precedence, flooded: asyncio.Event
    ) -> None:
        self._whole, self._part = batch_size, max(1, batch_size // _FIRST_PART)
        super().__init__(client, stream, CONSUMER, self._part)
        self._grown_at = 0
        self._precedence = precedence
        self._flooded = flooded

    async def take(self) -> list[Msg]:
        """The next messages; none once `stop` was called."""
        taken = await super().take()
        if taken:
            self._precedence.use()
            left = pending_after(taken[-1])
            if left > most_in_shared_lane(self._whole):
                self._flooded.set()
            if left < self._batch_size:
                self.ask_for(self._part)
            elif self._requests > self._grown_at:
                self._grown_at = self._requests
                self.ask_for(min(self._whole, math.ceil(self._batch_size * _GROWTH)))
        return taken


class OwnPull(Pull):
    """Leaves most of the process to the shared lane while that is in use, and ends when its own has gone."""

    batch_bytes = 4 * 2**20  # of eight floods at once

    def __init__(self, client: Client, stream: str, consumer: str, batch_size: int, *, precedence: Precedence) -> None:
        super().__init__(client, stream, consumer, batch_size)
        self._whole, self._part = batch_size, max(1, batch_size // _PART_OF_BATCH)
        self._precedence = precedence
        self._taken_at = time.monotonic()

    @property
    def stored_at_a_time(self) -> int:
        """One while others are to go first, who wait for it; its rests are as long as storing it took."""
        return 1 if self._precedence.is_claimed else super().stored_at_a_time

    async def take(self) -> list[Msg]:
        """The next messages, which keep others waiting as little as possible; none once `stop` was called."""
        if self._precedence.is_claimed:
            self.ask_for(self._part)
            await asyncio.sleep(min(_LONGEST_REST, _REST * (time.monotonic() - self._taken_at)))
        else:
            self.ask_for(self._whole)
        taken = await super().take()
        self._taken_at = time.monotonic()
        return taken

    def _end_request(self, headers: dict[str, str]) -> None:
        if "deleted" in headers.get("Description", "").lower():
            self.stop()
        else:
            super()._end_request(headers)
