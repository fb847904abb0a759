"""The lanes of the stream: one that all customers share, and one for each group of customers that floods it.

A lane is a durable consumer, which goes through its part of the stream in order. The stream gives each customer to one
of 256 groups by its id; a group whose messages are too many leaves the shared lane and gets its own, so that they
wait behind one another and before nobody else's.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import structlog
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo
from nats.js.errors import NotFoundError

from sendoff_config.ingest_settings import IngestSettings
from sendoff_db.locks import LANES
from sendoff_db.pool import Pool
from sendoff_db.sql import run
from sendoff_domain.stream_names import ingest_stream_name, ingest_subject, kept_subject
from sendoff_ingest.streams import ACK_WAIT, CONSUMER, GROUPS

#: How long (seconds) a group that leaves the shared lane waits for what is under way there; after that it comes twice.
_SETTLED, _LOOK = 2.0, 0.01
#: How long is waited for another process that changes lanes.
_LOCK_PATIENCE = "3s"

log = structlog.get_logger("sendoff.ingest")


def own_lane(group: int) -> str:
    """The consumer of one group."""
    return f"{CONSUMER}-{group}"


def group_of(consumer: str) -> int | None:
    """The group that a consumer is for; None for the shared one, and for those of others."""
    name, _, number = consumer.partition("-")
    return int(number) if name == CONSUMER and number.isascii() and number.isdigit() else None


@asynccontextmanager
async def nobody_else_changes_lanes(pool: Pool) -> AsyncIterator[None]:
    """Within the block no other process does so; raises what psycopg raises when PostgreSQL is away or another does."""
    async with pool.connection() as connection, connection.transaction():
        await run(connection, __package__, "lock_lanes", {"lock": LANES, "patience": _LOCK_PATIENCE})
        yield


class Lanes:
    """Makes, splits and joins lanes. Only one process at a time may do so, or one takes back what another did."""

    def __init__(self, jetstream: JetStreamContext, prefix: str, settings: IngestSettings) -> None:
        self._jetstream = jetstream
        self._prefix = prefix
        self._stream = ingest_stream_name(prefix)
        self._settings = settings

    async def apart(self) -> dict[int, ConsumerInfo]:
        """The groups that have a lane of their own."""
        found = {group_of(info.name): info for info in await self._jetstream.consumers_info(self._stream)}
        return {group: info for group, info in found.items() if group is not None}

    async def waiting(self) -> dict[int, int]:
        """How many messages of each group are in the stream."""
        info = await self._jetstream.stream_info(self._stream, subjects_filter=kept_subject(self._prefix, "*", "*"))
        waiting: dict[int, int] = {}
        for subject, messages in (info.state.subjects or {}).items():
            group = int(subject.split(".")[-2])
            waiting[group] = waiting.get(group, 0) + messages
        return waiting

    async def ensure(self) -> None:
        """Make the shared lane, and bring all to the settings; a group that is in no lane gets its own."""
        apart = await self.apart()
        everybody = set(range(GROUPS)) - set(apart)
        try:
            shared = await self._jetstream.consumer_info(self._stream, CONSUMER)
        except NotFoundError:
            await self._share(everybody)
            return
        groups = self._groups_of(shared) if shared.config.filter_subjects else everybody
        if not shared.config.filter_subjects or self._is_outdated(shared):
            await self._share(groups)
        lost = everybody - groups  # somebody died while it changed lanes
        for group in sorted(lost | {group for group, info in apart.items() if self._is_outdated(info)}):
            await self._own(group)

    async def split(self, group: int) -> None:
        """Give a group its own lane, which begins with its first message that is left."""
        shared = await self._jetstream.consumer_info(self._stream, CONSUMER)
        left = await self._share(self._groups_of(shared) - {group})
        await self._settled(left.delivered.stream_seq if left.delivered else 0)
        await self._own(group)
        log.info("a group of customers floods the stream and gets a lane of its own", group=group)

    async def join(self, group: int) -> None:
        """Take back a group whose lane is empty; what is published at this moment makes it wait for the next time."""
        if group not in await self.apart():
            return
        await self._jetstream.delete_consumer(self._stream, own_lane(group))
        shared = await self._jetstream.consumer_info(self._stream, CONSUMER)
        await self._share(self._groups_of(shared) | {group})
        if (await self.waiting()).get(group, 0):
            # The shared lane may have passed it already, and never goes back.
            await self._share(self._groups_of(shared))
            await self._own(group)
        else:
            log.info("a group of customers is back in the shared lane", group=group)

    async def _share(self, groups: Iterable[int]) -> ConsumerInfo:
        filters = [kept_subject(self._prefix, str(group), "*") for group in sorted(groups)]
        # What a stream of an earlier version holds has no group.
        return await self._add(CONSUMER, [*filters, ingest_subject(self._prefix, "*")])

    async def _own(self, group: int) -> None:
        await self._add(own_lane(group), [kept_subject(self._prefix, str(group), "*")])

    async def _add(self, name: str, filters: list[str]) -> ConsumerInfo:
        """A message comes again until it is acknowledged, however often that takes."""
        return await self._jetstream.add_consumer(
            self._stream,
            ConsumerConfig(
                durable_name=name,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ACK_WAIT,
                max_deliver=-1,
                max_ack_pending=self._settings.max_ack_pending,
                filter_subjects=filters,
            ),
        )

    def _is_outdated(self, lane: ConsumerInfo) -> bool:
        return lane.config.max_ack_pending != self._settings.max_ack_pending

    def _groups_of(self, shared: ConsumerInfo) -> set[int]:
        tokens = (subject.split(".")[-2] for subject in shared.config.filter_subjects or ())
        return {int(token) for token in tokens if token.isdigit()}

    async def _settled(self, sequence: int) -> None:
        """Wait until what the shared lane has given out up to that sequence is stored."""
        deadline = time.monotonic() + _SETTLED
        while time.monotonic() < deadline:
            info = await self._jetstream.consumer_info(self._stream, CONSUMER)
            if info.ack_floor.stream_seq >= sequence or not info.num_ack_pending:
                return
            await asyncio.sleep(_LOOK)
