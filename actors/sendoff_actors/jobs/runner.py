"""Takes the steps of jobs; any number of processes may do so, each step is one's alone."""

import asyncio
import time

from sendoff_config.settings import PartitionSettings
from sendoff_db.pool import Pool
from sendoff_intake.accepted_messages import AcceptedMessages
from sendoff_intake.jobs.step import seconds_to_step, take_step
from sendoff_intake.jobs.unanswered import end_unanswered, free_pieces

#: How long (seconds) until a new job is seen, and until a step is tried that another process was taking.
_IDLE, _BUSY = 1.0, 0.1
#: How often (seconds) held jobs are looked at that nobody starts, and cancelled ones that still hold something.
_LOOK_AFTER = 60.0


class JobRunner:
    """The service that takes one step after the other, of all jobs in turn."""

    name = "jobs"

    def __init__(self, pool: Pool, partitions: PartitionSettings, accepted: AcceptedMessages) -> None:
        self._pool = pool
        self._partitions = partitions
        self._accepted = accepted
        self._pause = _IDLE
        self._look_at = 0.0

    async def wait(self) -> None:
        """Wait until the next step is due, a second at most: a new job tells nobody."""
        await asyncio.sleep(self._pause)

    async def run_once(self) -> None:
        """Take the step that is due, if there is one, and now and then end what nobody starts."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _LOOK_AFTER
            await end_unanswered(self._pool)
            await free_pieces(self._pool)
        seconds = await seconds_to_step(self._pool)
        if seconds is None or seconds > 0:
            self._pause = min(_IDLE, seconds or _IDLE)
        else:
            self._pause = 0.0 if await take_step(self._pool, self._partitions, self._accepted) else _BUSY
