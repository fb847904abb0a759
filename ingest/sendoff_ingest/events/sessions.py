"""Session after session on NATS: each connects, sees to the streams, and publishes events until it breaks."""

import asyncio
import contextlib
import time
import uuid

import psycopg
import structlog
from nats.aio.client import Client

from sendoff_config.priority import rest_after, waited_for_core
from sendoff_config.settings import Settings
from sendoff_control.nats_connection import CONNECT_TIMEOUT, close_client, connection_options
from sendoff_db.clock import DatabaseClock
from sendoff_db.failures import describe
from sendoff_db.pool import Pool
from sendoff_domain.errors import SettingsError
from sendoff_ingest.events.acknowledged import AcknowledgedPublisher
from sendoff_ingest.events.cursor import release, start_recording
from sendoff_ingest.events.lost_past import warn_of_lost_past
from sendoff_ingest.events.publisher import EventPublisher
from sendoff_ingest.events.streams import event_streams
from sendoff_ingest.events.webhooks import EventMessages
from sendoff_ingest.streams import ensure_stream

#: How often is looked for new events while there are none (seconds).
_INTERVAL = 0.25
#: Events that are older than this (seconds) wait for nobody.
_LONGEST_DELAY = 60.0
#: Between two sessions (seconds); twice as long after each that published nothing.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0

log = structlog.get_logger("sendoff.events")


class EventSessions:
    """Publishes events until `stop` is set; a server that is away is tried again, with growing pauses.

    In a process of its own it gives way: it rests when cores are scarce, but not when events are old by then.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        name: str,
        pool: Pool,
        clock: DatabaseClock,
        messages: EventMessages,
        stop: asyncio.Event,
    ) -> None:
        self._settings = settings
        self._prefix = settings.control.prefix
        self._gives_way = not settings.ingest.enabled
        self._name = name
        self._pool = pool
        self._clock = clock
        self._messages = messages
        self._stop = stop
        self._holder = f"{name}:{uuid.uuid4().hex}"
        self._pause = _FIRST_PAUSE

    async def run(self) -> None:
        """Publish until `stop` is set; raises SettingsError for a stream that is not ours to change."""
        while not self._stop.is_set():
            try:
                await start_recording(self._pool)  # before NATS is there: what happens meanwhile has its events, too
                await self._session()
            except SettingsError:
                raise
            except Exception as error:
                log.warning("the session of the events has ended", error=_words_for(error))
                log.debug("why it has ended", exc_info=error)
                await self._wait(self._pause)
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    async def _session(self) -> None:
        client, closed = Client(), asyncio.Event()
        try:
            async with asyncio.timeout(2 * CONNECT_TIMEOUT):
                name = f"{self._prefix}.events {self._name}"
                await client.connect(**connection_options(self._settings.nats, name, closed))
            jetstream = client.jetstream(timeout=CONNECT_TIMEOUT)
            events = self._settings.events
            streams = event_streams(self._prefix, events)
            await warn_of_lost_past(
                self._pool, jetstream, [await ensure_stream(jetstream, stream) for stream in streams]
            )
            log.info("publishing events", streams=[stream.name for stream in streams])
            publisher = EventPublisher(
                pool=self._pool,
                streams=await AcknowledgedPublisher.open(client),
                messages=self._messages,
                prefix=self._prefix,
                holder=self._holder,
                content_limit=events.content_limit if events.content else None,
            )
            await self._turns(publisher, client, closed)
        finally:
            await close_client(client)

    async def _turns(self, publisher: EventPublisher, client: Client, closed: asyncio.Event) -> None:
        try:
            while not self._stop.is_set():
                if closed.is_set():
                    raise ConnectionError(str(client.last_error or "the server closed the connection"))
                await self._turn(publisher)
                self._pause = _FIRST_PAUSE
        finally:
            with contextlib.suppress(Exception):  # then the lease runs out by itself
                await release(self._pool, self._holder)

    async def _turn(self, publisher: EventPublisher) -> None:
        began, waited = time.monotonic(), waited_for_core()
        if not await publisher.run_once():
            await self._wait(_INTERVAL)
        elif self._gives_way and self._clock.now() - publisher.published_until < _LONGEST_DELAY:
            await self._wait(rest_after(time.monotonic() - began, waited_for_core() - waited))

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()


def _words_for(error: BaseException) -> str:
    """What a log says: of several errors the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, psycopg.Error):
        return describe(error)
    return f"{type(error).__name__}: {error}"[:300]
