"""Publishes events turn by turn: read the next, publish them, wait until the streams have them, move the cursor."""

import asyncio
import time
from collections.abc import Sequence

import msgspec
import structlog

from sendoff_db.pool import Pool
from sendoff_domain.events import Event, cloud_event, event_headers, event_subject, in_waves
from sendoff_ingest.events.acknowledged import AcknowledgedPublisher, Outgoing
from sendoff_ingest.events.contents import with_contents
from sendoff_ingest.events.cursor import LEASE, advance, read_events, take_turn
from sendoff_ingest.events.webhooks import EventMessages

#: Events of one turn, and how many of them are on their way to the streams at a time.
_BATCH, _AT_A_TIME = 1_000, 200
#: How long (seconds) a turn may publish, so that the lease outlives it; then it is given up, and the next repeats it.
_LONGEST_TURN = LEASE.total_seconds() / 2
_TIMEOUT = 5.0

log = structlog.get_logger("sendoff.events")


class EventPublisher:
    """Publishes while its lease holds; `holder` tells it from every other publisher there ever was.

    With a `content_limit` events have what messages of at most so many bytes say.
    """

    def __init__(
        self,
        *,
        pool: Pool,
        streams: AcknowledgedPublisher,
        messages: EventMessages,
        prefix: str,
        holder: str,
        content_limit: int | None = None,
    ) -> None:
        self._pool = pool
        self._messages = messages
        self._streams = streams
        self._prefix = prefix
        self._content_limit = content_limit
        self._holder = holder
        #: When the last event that was published happened (Unix seconds).
        self.published_until = 0.0

    async def run_once(self) -> bool:
        """Publish the next events; True if more may be waiting.

        Raises what nats-py or psycopg raises when one of them is not taken: the cursor stays where it was, and all of
        the turn are published again with the same ids, by which the streams drop what they have.
        """
        place = await take_turn(self._pool, self._holder)
        if place is None:
            return False
        began = time.monotonic()
        events = await read_events(self._pool, place, _BATCH)
        if not events:
            return False
        async with asyncio.timeout(_LONGEST_TURN - (time.monotonic() - began)):
            await self._tell(events)
        if not await advance(self._pool, self._holder, events[-1]):
            log.warning("another publisher has taken over: what was published now may be published again")
            return False
        self.published_until = events[-1].happened_at.timestamp()
        return len(events) == _BATCH

    async def _tell(self, events: Sequence[Event]) -> None:
        receivers = await self._messages.find_receivers(events)
        told = [event for event in events if receivers.are_told(event)]
        if self._content_limit is not None:
            told = await with_contents(self._pool, told, self._content_limit)
        await self._publish(told)
        await self._messages.store(told, receivers)

    async def _publish(self, events: Sequence[Event]) -> None:
        orphans = sum(event.is_orphan for event in events)
        if orphans:
            log.warning("no events for messages that the retention has taken away", count=orphans)
        known = 0
        for wave in in_waves(event for event in events if not event.is_orphan):
            for start in range(0, len(wave), _AT_A_TIME):
                outgoing = [self._outgoing(event) for event in wave[start : start + _AT_A_TIME]]
                known += await self._streams.publish(outgoing, _TIMEOUT)
        if known:
            log.info("events were in the streams already", count=known)

    def _outgoing(self, event: Event) -> Outgoing:
        document = cloud_event(event, f"/{self._prefix}")
        return Outgoing(
            event_subject(self._prefix, event.kind, event.customer),
            msgspec.json.encode(document),
            event_headers(event, document["id"]),
        )
