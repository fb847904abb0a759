"""Session after session on NATS: each connects, sees to the streams, and takes messages in until it breaks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats.errors
import psycopg
import structlog
from nats.aio.client import Client
from nats.js.errors import APIError

from sendoff_config.settings import Settings
from sendoff_control.nats_connection import CONNECT_TIMEOUT, close_client, connection_options
from sendoff_db.clock import DatabaseClock
from sendoff_db.failures import describe
from sendoff_db.pool import Pool
from sendoff_domain.errors import SettingsError
from sendoff_ingest.client import TolerantClient
from sendoff_ingest.lane_keeper import LaneKeeper
from sendoff_ingest.lane_pulls import most_in_shared_lane
from sendoff_ingest.lane_work import LaneWork
from sendoff_ingest.lanes import Lanes, nobody_else_changes_lanes
from sendoff_ingest.reading import MessageReader
from sendoff_ingest.streams import ensure_streams, origin_of
from sendoff_intake.store import MessageStore
from sendoff_intake.submission_reader import SubmissionReader

#: Between two sessions (seconds); twice as long after each that took nothing in.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_CLOCK_PAUSE = 0.1
#: How much the last acknowledgements may take to be on their way (seconds).
_FLUSH_TIMEOUT = 2

log = structlog.get_logger("sendoff.ingest")


class Sessions:
    """Keeps up a session until `stop` is set; a server that is away is tried again, with growing pauses."""

    def __init__(
        self,
        *,
        settings: Settings,
        name: str,
        pool: Pool,
        clock: DatabaseClock,
        store: MessageStore,
        stop: asyncio.Event,
    ) -> None:
        self._settings = settings
        self._prefix = settings.control.prefix
        self._name = name
        self._pool = pool
        self._clock = clock
        self._store = store
        self._stop = stop
        self._pause = _FIRST_PAUSE

    async def run(self) -> None:
        """Take messages in until `stop` is set; raises SettingsError for a stream that is not ours to change."""
        await self._clock_known()
        while not self._stop.is_set():
            try:
                await self._session()
            except SettingsError:
                raise
            except Exception as error:
                log.warning("the session on NATS has ended", error=_words_for(error))
                log.debug("why it has ended", exc_info=error)
                await self._rest()

    async def _session(self) -> None:
        closed = asyncio.Event()
        async with self._client(closed) as client:
            ingest, jetstream = self._settings.ingest, client.jetstream(timeout=CONNECT_TIMEOUT)
            info = await ensure_streams(jetstream, self._prefix, ingest)
            lanes = Lanes(jetstream, self._prefix, ingest)
            async with nobody_else_changes_lanes(self._pool):
                await lanes.ensure()
            work = LaneWork(
                client=client,
                closed=closed,
                settings=self._settings,
                reader=MessageReader(SubmissionReader(self._clock.now), origin_of(info)),
                store=self._store,
                stop=self._stop,
            )
            log.info("taking messages in", stream=info.config.name, waiting=info.state.messages)
            keeper = LaneKeeper(lanes, self._pool, work.take_in_apart, most_in_shared_lane(ingest.batch_size))
            await self._take_in(work, keeper)
            await client.flush(_FLUSH_TIMEOUT)

    async def _take_in(self, work: LaneWork, keeper: LaneKeeper) -> None:
        keeping = asyncio.create_task(keeper.run())
        try:
            await work.take_in(keeper.flooded, self._begun)
        finally:
            work.over.set()
            keeping.cancel()
            await asyncio.wait({keeping})
            await keeper.close()

    def _begun(self) -> None:
        self._pause = _FIRST_PAUSE

    @asynccontextmanager
    async def _client(self, closed: asyncio.Event) -> AsyncIterator[Client]:
        client = TolerantClient()
        try:
            async with asyncio.timeout(2 * CONNECT_TIMEOUT):
                await client.connect(
                    **connection_options(self._settings.nats, f"{self._prefix}.ingest {self._name}", closed)
                )
            yield client
        finally:
            await close_client(client)

    async def _clock_known(self) -> None:
        """Wait until PostgreSQL has told its time, without which no `expiresAt` can be judged."""
        if not self._clock.known:
            log.info("waiting for PostgreSQL")
        while not self._clock.known and not self._stop.is_set():
            await self._wait(_CLOCK_PAUSE)

    async def _rest(self) -> None:
        await self._wait(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()


def _words_for(error: BaseException) -> str:
    """What a log says: of several errors the first, and what has no words of its own by its name."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, APIError):
        return f"NATS refuses: {error.description} (error {error.err_code})"
    if isinstance(error, nats.errors.NoRespondersError):
        return "nobody answers for JetStream: it is not switched on, or its servers have no leader yet"
    if isinstance(error, psycopg.Error):
        return describe(error)
    return f"{type(error).__name__}: {error}"[:300]
