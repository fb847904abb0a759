"""One batch after the other from the stream into PostgreSQL: read, store, acknowledge after the commit.

While a batch is being stored the next one comes together, and is read once it is whole; whole ones are stored two at a
time. What is rejected is published before it is acknowledged, and holds up nothing else of its batch.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from sendoff_db.failures import describe, is_outage
from sendoff_domain.stream_names import published_subject
from sendoff_ingest.pull import Pull
from sendoff_ingest.reading import MessageReader
from sendoff_ingest.rejections import Rejections
from sendoff_intake.store import MessageStore
from sendoff_intake.submission import Rejected, Result, Stored, Submission

#: Unless whole batches come, they are stored so far apart (seconds): at 1,000 messages a second they would be of two.
_GAP = 0.004
#: Between the tries to store a batch while PostgreSQL is away (seconds).
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0

log = structlog.get_logger("sendoff.ingest")


class TakingIn:
    """Takes in what a session pulls until that has an end."""

    def __init__(
        self,
        *,
        client: Client,
        pull: Pull,
        reader: MessageReader,
        store: MessageStore,
        rejections: Rejections,
        stop: asyncio.Event,
    ) -> None:
        self._client = client
        self._pull = pull
        self._reader = reader
        self._store = store
        self._rejections = rejections
        self._stop = stop

    async def run(self) -> None:
        """Take in batch after batch; returns once the pull was stopped, raises when the session has ended."""
        loop = asyncio.get_running_loop()
        storing: deque[asyncio.Task[None]] = deque()
        try:
            while messages := await self._pull.take():
                read = [self._reader.read(message) for message in messages]
                while len(storing) >= self._pull.stored_at_a_time:
                    await storing.popleft()
                storing.append(asyncio.create_task(self._take_in(messages, read)))
                storing[-1].add_done_callback(self._ended)
                await self._pull.gather(storing[-1], loop.time() + _GAP)
        finally:
            for result in await asyncio.gather(*storing, return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result

    def _ended(self, storing: "asyncio.Task[None]") -> None:
        error = None if storing.cancelled() else storing.exception()
        if error is not None:
            self._pull.fail(error)

    async def _take_in(self, messages: list[Msg], read: Sequence[Submission | Rejected]) -> None:
        results = await self._stored([one for one in read if isinstance(one, Submission)])
        if results is None:
            await self._pull.give_back(messages)
            return
        of_submissions = iter(results)
        rejected: list[tuple[str, Msg, Rejected | Exception]] = []
        publish = self._client.publish
        for message, one in zip(messages, read, strict=True):
            result = next(of_submissions) if isinstance(one, Submission) else one
            if isinstance(result, Stored):
                await publish(message.reply)
            else:
                rejected.append((self._reader.place_of(message), message, result))
        if rejected:
            await self._reject(rejected)

    async def _reject(self, rejected: Sequence[tuple[str, Msg, Rejected | Exception]]) -> None:
        place, message, why = rejected[0]
        # Not the detail, which quotes what was sent; who publishes reads it in the stream of rejections.
        error = describe(why) if isinstance(why, Exception) else why.reason
        first = {"subject": published_subject(message.subject)[:200], "place": place, "error": error[:300]}
        log.warning("messages are rejected", messages=len(rejected), first=first)
        await self._rejections.publish(rejected)
        for _, rejected_message, _ in rejected:
            await self._client.publish(rejected_message.reply)

    async def _stored(self, submissions: list[Submission]) -> list[Result | Exception] | None:
        """What became of each; waits for PostgreSQL as long as it takes, and gives None if it is to stop meanwhile."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._store.store(submissions) if submissions else []
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("PostgreSQL takes no messages", messages=len(submissions), error=describe(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stop.wait()
                return None
            pause = min(2 * pause, _LONGEST_PAUSE)
