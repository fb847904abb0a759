"""A consumer of events for a test: what the streams of one prefix hold, and what each message's history is."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import nats
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from support.asyncapi import StreamContract
from support.waiting import eventually

#: Streams that a test machine has room for.
SMALL_STREAMS = {f"EVENTS__{stream}__MAX_BYTES": str(16 * 2**20) for stream in ("RETRY", "DEAD", "OTHERS")}
STREAMS = ("EVENTS", "EVENTS_RETRY", "EVENTS_DEAD")


@dataclass
class EventLog:
    """The streams as a consumer sees them, and each event that was published, in the order of its first arrival.

    A publisher that loses an answer or dies repeats its turn, and the streams drop what they have: `arrivals` counts
    these, too. `undescribed` says what was not as the AsyncAPI document has it.
    """

    jetstream: JetStreamContext
    prefix: str
    arrived: list[dict[str, Any]] = field(default_factory=list)
    arrivals: int = 0
    undescribed: list[str] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    def note(self, event: dict[str, Any]) -> None:
        """One event arrived, perhaps not for the first time."""
        self.arrivals += 1
        if event["id"] not in self._known:
            self._known.add(event["id"])
            self.arrived.append(event)

    def stream(self, name: str) -> str:
        """What a stream of this prefix is called."""
        return f"{self.prefix.upper()}_{name}"

    async def exist(self) -> bool:
        """Whether all streams are there."""
        try:
            for name in STREAMS:
                await self.jetstream.stream_info(self.stream(name))
        except NotFoundError:
            return False
        return True

    async def kept(self) -> list[dict[str, Any]]:
        """What the streams hold, each in its order."""
        found = []
        for name in STREAMS:
            info = await self.jetstream.stream_info(self.stream(name))
            if not info.state.messages:
                continue
            pull = await self.jetstream.pull_subscribe("", stream=self.stream(name))
            for _ in range(info.state.messages):
                (message,) = await pull.fetch(1, timeout=10)
                await message.ack()
                found.append(json.loads(message.data))
            await pull.unsubscribe()
        return found

    async def count(self) -> int:
        """How many events the streams hold."""
        infos = [await self.jetstream.stream_info(self.stream(name)) for name in STREAMS]
        return sum(info.state.messages for info in infos)

    async def holds(self, count: int, timeout: float = 40) -> None:
        """Wait until the streams hold that many events, and as many have arrived."""

        async def all_there() -> bool:
            return await self.exist() and await self.count() >= count and len(self.arrived) >= count

        await eventually(all_there, f"the streams hold {count} events", timeout, every=0.1)

    def histories(self) -> dict[str, list[str]]:
        """Per message what happened to it, in order: `generation:attempt:kind`."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for event in self.arrived:
            found[event["subject"]].append(event["id"].removeprefix(event["subject"] + ":"))
        return dict(found)


@asynccontextmanager
async def open_event_log(nats_url: str, prefix: str) -> AsyncIterator[EventLog]:
    """A consumer that holds all events to the AsyncAPI document; the streams of its prefix are gone after the block."""
    client = await nats.connect(nats_url)
    log = EventLog(client.jetstream(timeout=10), prefix)
    contract = StreamContract(prefix)

    async def hear(message: Any) -> None:
        log.note(json.loads(message.data))
        try:
            contract.check(message.subject, message.data, message.headers)
        except AssertionError as error:
            log.undescribed.append(str(error))

    await client.subscribe(f"{prefix}.events.v1.>", cb=hear)
    await client.flush()
    try:
        yield log
        assert log.undescribed == []
    finally:
        for name in STREAMS:
            try:
                await log.jetstream.delete_stream(log.stream(name))
            except NotFoundError:
                continue
        await client.close()
