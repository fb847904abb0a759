"""Calls the DeadLetterer's clean-up from time to time; any number of processes may do so."""

import asyncio
import contextlib

from sendoff_actors.broker import Enqueuer
from sendoff_actors.handoffs import ActorName
from sendoff_domain.errors import UnavailableError

#: Seconds from the start to the first clean-up, and between two of them.
_FIRST, _EVERY = 10.0, 300.0


class CleanUpSchedule:
    """The service that hands a clean-up to the DeadLetterer every five minutes."""

    name = "clean-up schedule"

    def __init__(self, enqueuer: Enqueuer) -> None:
        self._enqueuer = enqueuer
        self._pause = _FIRST

    async def wait(self) -> None:
        """Wait five minutes, ten seconds at the start."""
        await asyncio.sleep(self._pause)
        self._pause = _EVERY

    async def run_once(self) -> None:
        """Hand on one clean-up; one that Redis does not take is made good by the next."""
        with contextlib.suppress(UnavailableError):
            await self._enqueuer.enqueue(ActorName.CLEAN_UP)
