"""Reads events from their streams, as they were published or as they come."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from typing import Any

from nats.aio.msg import Msg
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from sendoff_domain.errors import SendoffError
from sendoff_domain.event_types import EVENT_TYPES, EventKind
from sendoff_domain.events import event_subject

_NO_STREAMS = (
    "there are no streams of events: set `events.enabled: true`, and start `sendoff up` or `sendoff ingest` with it"
)
#: What waits to be printed; the streams keep the rest.
_MOST_WAITING = 1_000
#: What has arrived of a subject.
_Arrived = tuple[str, Msg]


class EventReader:
    """Reads the events of some kinds, of one customer if it is given; each kind is in order.

    A consumer that the server forgets by itself goes on where it was after a lost connection.
    """

    def __init__(
        self, jetstream: JetStreamContext, prefix: str, kinds: Sequence[EventKind], customer: str | None
    ) -> None:
        self._jetstream = jetstream
        self._subjects = [
            event_subject(prefix, kind, customer or "*")
            for kind in kinds
            if customer is None or EVENT_TYPES[kind].about != "fleet"
        ]

    async def read(self, since: datetime | None, *, follow: bool) -> AsyncGenerator[dict[str, Any], None]:
        """The events that were published since then (None: from now on), and if told so those that are still to come.

        Raises SendoffError where there are no streams of events.
        """
        arrived: asyncio.Queue[_Arrived] = asyncio.Queue(_MOST_WAITING)
        unread = set(self._subjects)
        async with AsyncExitStack() as stack:
            for subject in self._subjects:
                if not await self._subscribe(subject, since, arrived, stack):
                    unread.discard(subject)
            while unread or follow:
                subject, message = await arrived.get()
                yield json.loads(message.data)
                if message.metadata.num_pending == 0:
                    unread.discard(subject)

    async def _subscribe(
        self, subject: str, since: datetime | None, arrived: asyncio.Queue[_Arrived], stack: AsyncExitStack
    ) -> bool:
        """Returns whether there is anything; nobody reads what `arrived` holds yet, so it may be full."""
        policy = DeliverPolicy.NEW if since is None else DeliverPolicy.BY_START_TIME
        config = ConsumerConfig(deliver_policy=policy, opt_start_time=since)

        async def keep(message: Msg) -> None:
            await arrived.put((subject, message))

        try:
            consumer = await self._jetstream.subscribe(subject, cb=keep, config=config, ordered_consumer=True)
        except NotFoundError:
            raise SendoffError(_NO_STREAMS) from None
        stack.push_async_callback(_unsubscribe, consumer)
        known = await consumer.consumer_info()
        return bool((known.num_pending or 0) + (known.delivered.consumer_seq if known.delivered else 0))


async def _unsubscribe(consumer: JetStreamContext.PushSubscription) -> None:
    with suppress(Error):
        await consumer.unsubscribe()
