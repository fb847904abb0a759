"""Takes in what the lanes of one session bring: each pulls and stores by itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from nats.aio.client import Client

from sendoff_config.settings import Settings
from sendoff_control.nats_connection import CONNECT_TIMEOUT
from sendoff_domain.stream_names import ingest_stream_name, rejected_subject
from sendoff_ingest.lane_pulls import OwnPull, Precedence, SharedPull
from sendoff_ingest.pull import Pull
from sendoff_ingest.reading import MessageReader
from sendoff_ingest.rejections import Rejections
from sendoff_ingest.taking_in import TakingIn
from sendoff_intake.store import MessageStore

log = structlog.get_logger("sendoff.ingest")


class LaneWork:
    """What lanes share in a session: its connection, and where messages go; whoever ends it sets `over`."""

    def __init__(
        self,
        *,
        client: Client,
        closed: asyncio.Event,
        settings: Settings,
        reader: MessageReader,
        store: MessageStore,
        stop: asyncio.Event,
    ) -> None:
        prefix = settings.control.prefix
        self._client = client
        self._closed = closed
        self._stream = ingest_stream_name(prefix)
        self._batch_size = settings.ingest.batch_size
        self._reader = reader
        self._store = store
        self._stop = stop
        self._rejections = Rejections(client, client.jetstream(timeout=CONNECT_TIMEOUT), rejected_subject(prefix))
        self._precedence = Precedence()
        self.over = asyncio.Event()

    async def take_in(self, flooded: asyncio.Event, begun: Callable[[], None]) -> None:
        """Take in what comes on the shared lane until the process is to end; raises when the session has ended."""
        pull = SharedPull(self._client, self._stream, self._batch_size, precedence=self._precedence, flooded=flooded)
        await self._run(pull, self._stop, begun)
        await pull.close()

    async def take_in_apart(self, consumer: str) -> None:
        """Take in what comes on a lane of its own, until it or the session has an end."""
        pull = OwnPull(self._client, self._stream, consumer, self._batch_size, precedence=self._precedence)
        try:
            await self._run(pull, self.over, lambda: None)
        except Exception as error:  # the session itself says when it has ended
            log.debug("a lane is not served any more", consumer=consumer, exc_info=error)
        finally:
            with contextlib.suppress(Exception):
                await pull.close()

    async def _run(self, pull: Pull, stop: asyncio.Event, begun: Callable[[], None]) -> None:
        taking_in = TakingIn(
            client=self._client,
            pull=pull,
            reader=self._reader,
            store=self._store,
            rejections=self._rejections,
            stop=stop,
        )
        await pull.open()
        async with _ended(pull, stop, self._closed, self._client):
            begun()
            await taking_in.run()


@asynccontextmanager
async def _ended(pull: Pull, stop: asyncio.Event, closed: asyncio.Event, client: Client) -> AsyncIterator[None]:
    """Within the block the pull is stopped when the process is to end, and fails when the connection has."""

    async def stopped() -> None:
        await stop.wait()
        pull.stop()

    async def broken() -> None:
        await closed.wait()
        pull.fail(ConnectionError(str(client.last_error or "the server closed the connection")))

    watching = [asyncio.create_task(stopped()), asyncio.create_task(broken())]
    try:
        yield
    finally:
        for task in watching:
            task.cancel()
        await asyncio.wait(watching)
