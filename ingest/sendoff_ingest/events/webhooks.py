"""Events as messages: each is stored once for each customer that gets it, and delivered like any other message.

The key of such a message is the event's id, so that an event that is told again is still one message. What is over a
receiver's limit of backlog is dropped and said in the log: it holds up nothing else.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import prometheus_client
import structlog
from msgspec.structs import replace

from sendoff_db.failures import describe
from sendoff_db.pool import Pool
from sendoff_db.sql import fetch_all_as
from sendoff_domain.event_receivers import Receiver, Receivers, asked_for
from sendoff_domain.event_types import EventKind
from sendoff_domain.events import Event, cloud_event
from sendoff_intake.admission import Admitter
from sendoff_intake.backlog_figures import BacklogFigures
from sendoff_intake.store import MessageStore
from sendoff_intake.submission import Reason, Rejected, Result, Stored, Submission
from sendoff_intake.submission_reader import SubmissionReader

log = structlog.get_logger("sendoff.events")


class EventMessages:
    """Stores events as messages; `fleet_kinds` is what the receiver of the fleet's events gets."""

    def __init__(
        self,
        *,
        pool: Pool,
        store: MessageStore,
        figures: BacklogFigures,
        reader: SubmissionReader,
        source: str,
        fleet_kinds: Iterable[EventKind],
    ) -> None:
        self._pool = pool
        self._source = source
        self._store = store
        self._reader = reader
        self._admitter = Admitter(figures, prometheus_client.Counter("refused", "Events not stored", registry=None))
        self._fleet_kinds = frozenset(fleet_kinds)

    async def find_receivers(self, events: Sequence[Event]) -> Receivers:
        """Who gets these events."""
        async with self._pool.connection() as connection:
            values = {"customers": asked_for(events)}
            found = await fetch_all_as(connection, __package__, "find_receivers", values, kind=Receiver)
        return Receivers(found, self._fleet_kinds)

    async def store(self, events: Iterable[Event], receivers: Receivers) -> None:
        """Store these events as messages of those that get them.

        Raises what the intake raises during an outage; nothing or all may be stored then, and it may be repeated.
        """
        read = [self._read(event, to) for event in events for to in receivers.of(event)]
        submissions = [one for one in read if isinstance(one, Submission)]
        results: list[Result | Exception] = [one for one in read if isinstance(one, Rejected)]
        if submissions:
            results += await self._store_admitted(submissions)
        self._say(results)

    def _read(self, event: Event, receiver: str) -> Submission | Rejected:
        content = cloud_event(event, self._source)
        text = msgspec.json.encode({"to": content["type"], "content": content})
        read = self._reader.read(text, event.id, named="event", customer=receiver)
        if isinstance(read, Rejected) and event.content is not None:  # such as one that is nested as deep as may be
            return self._read(replace(event, content=None, content_omitted=True), receiver)
        return read

    async def _store_admitted(self, submissions: Sequence[Submission]) -> list[Result | Exception]:
        admission = await self._admitter.admit(submissions)
        try:
            return admission.end(await self._store.store(admission.admitted))
        finally:
            admission.give_up()

    def _say(self, results: Iterable[Result | Exception]) -> None:
        """Say what was not stored; a key that another body has is a repetition by another version of Sendoff."""
        why = Counter(
            one.reason if isinstance(one, Rejected) else describe(one) for one in results if not isinstance(one, Stored)
        )
        why.pop(Reason.KEY_REUSED, None)
        if why:
            log.warning("events are not delivered to webhooks", count=why.total(), why=dict(why))
