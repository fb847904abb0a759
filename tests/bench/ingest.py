"""How fast one ingest process empties a full stream into PostgreSQL, next to the bulk door of the API.

And how long a message takes from its publishing to its webhook.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from bench.accounting import Accounting, used
from bench.installation import Installation, installation
from bench.load import ITEM, LINES, batch_request, load
from bench.series import Figures, Series, beside, one, percentile
from bench.surroundings import Surroundings
from sendoff_domain.stream_names import ingest_stream_name, ingest_subject
from sendoff_ingest.streams import CONSUMER
from support.instances import Process
from support.waiting import eventually

_BATCH_CONNECTIONS = 2
#: How often a stream is looked at (seconds).
_LOOK = 0.005
_RATE = 1_000
_WARM_UP = 200
_FAR_AWAY = "2999-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Stream:
    """The stream of an installation, as its producer sees it."""

    client: Client
    jetstream: JetStreamContext
    name: str
    subject: str

    async def fill(self, count: int, first: int, *, keys: bool) -> None:
        """Publish so many messages that are due in an hour, numbered from `first`."""
        body = json.dumps(ITEM).encode()
        for number in range(first, first + count):
            headers = {"Idempotency-Key": f"key-{number}"} if keys else None
            await self.client.publish(self.subject, body, headers=headers)
        await self.holds(count)

    async def holds(self, count: int) -> None:
        """Wait until so many messages are in the stream."""
        await eventually(lambda: self._holds(count), f"{count} messages are in the stream", timeout=120, every=_LOOK)

    async def last_seen_full(self, count: int) -> float:
        """Wait until less than so much is in the stream; gives the moment of the last look at which it was not.

        The end of a pause alone says nothing: a request that the consumer has waits for its time to run out.
        """
        began = time.perf_counter()
        while await self._holds(count):
            began = time.perf_counter()
        return began

    async def _holds(self, count: int) -> bool:
        return (await self.jetstream.stream_info(self.name)).state.messages == count

    async def pause(self) -> None:
        """Let no lane give anything out."""
        for lane in await self._lanes():
            await self.jetstream.pause_consumer(self.name, lane, _FAR_AWAY)

    async def resume(self) -> None:
        """Let all lanes go on."""
        for lane in await self._lanes():
            await self.jetstream.resume_consumer(self.name, lane)

    async def _lanes(self) -> list[str]:
        return [info.name for info in await self.jetstream.consumers_info(self.name)]

    async def made(self) -> None:
        """Wait until the ingest has made the stream and its consumer."""
        while True:
            try:
                await self.jetstream.consumer_info(self.name, CONSUMER)
            except NotFoundError:
                await asyncio.sleep(0.05)
            else:
                return


def measure_ingest(around: Surroundings) -> Figures:
    """Every published message is counted in the database afterwards."""
    with installation(around, "ingest") as site:
        process = site.launch.ingest(INGEST__MAX_BYTES=str(2**29), INGEST__REJECTED__MAX_BYTES=str(2**24))
        _, client = site.api()
        port = int(client.url.rpartition(":")[2])
        bulk = [_bulk_rate(site, port)]
        rates, keyed, cpu, stored = [], [], [], site.stored()
        for number in range(around.scale.rounds):
            rate, spent = asyncio.run(_empty(site, process, 2 * number, keys=False))
            rates.append(rate)
            cpu.append(spent)
            keyed.append(asyncio.run(_empty(site, process, 2 * number + 1, keys=True))[0])
            stored += 2 * around.scale.ingested
            lost = stored - site.stored()
            bulk.append(_bulk_rate(site, port))
            stored = site.stored() + lost
        figures = {
            "rate": Series("msg/s", tuple(rates), beside(bulk)),
            "rate with keys": Series("msg/s", tuple(keyed), beside(bulk)),
            "cpu ingest": Series("s/1000", tuple(cpu)),
            "lost": one("", lost),
        }
        return {"ingest": {**figures, **asyncio.run(_to_webhook(site))}}


def _bulk_rate(site: Installation, port: int) -> float:
    scale = site.around.scale
    loaded = load(port, batch_request(scale.batch_items, LINES), _BATCH_CONNECTIONS, scale.accept_seconds)
    return loaded.rate * scale.batch_items


async def _empty(site: Installation, process: Process, turn: int, *, keys: bool) -> tuple[float, float]:
    """Messages a second from a full stream, and the CPU seconds of the process for a thousand."""
    count = site.around.scale.ingested
    accounting = Accounting({"ingest": [process.popen.pid]})
    async with stream_of(site) as stream:
        await stream.made()
        await stream.pause()
        await stream.fill(count, turn * count, keys=keys)
        before = accounting.read()
        await stream.resume()
        began = await stream.last_seen_full(count)
        await stream.holds(0)
        seconds = time.perf_counter() - began
    return count / seconds, used(before, accounting.read())["ingest"] * 1000 / count


async def _to_webhook(site: Installation) -> dict[str, Series]:
    """The times from publishing to arrival at a steady rate, in milliseconds."""
    count = round(_RATE * site.around.scale.lateness_seconds)
    await asyncio.to_thread(site.workers, processes=1)
    await asyncio.to_thread(site.command, "start")
    async with stream_of(site) as stream:
        await _publish_steadily(stream, _WARM_UP, "warm")
        await asyncio.to_thread(site.around.webhook.has, _WARM_UP, site.around.scale.patience)
        site.around.webhook.reset()
        published = await _publish_steadily(stream, count, "to")
        await asyncio.to_thread(site.around.webhook.has, count, site.around.scale.patience)
    arrivals = site.around.webhook.report()
    recipients = site.recipients("to-%")
    delays = [
        (moment - published[recipients[id]]) * 1000
        for id, moment in zip(arrivals.ids, arrivals.moments, strict=True)
        if id in recipients
    ]
    return {f"webhook {name}": one("ms", percentile(delays, share)) for name, share in (("p50", 0.5), ("p99", 0.99))}


async def _publish_steadily(stream: Stream, count: int, name: str) -> dict[str, float]:
    """Publish at the rate; gives the moment (Unix seconds) of each, by its recipient."""
    began, moments = time.time(), {}
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / _RATE - time.time()))
        moments[f"{name}-{number}"] = time.time()
        body = json.dumps({"to": f"{name}-{number}", "content": ITEM["content"]}).encode()
        await stream.client.publish(stream.subject, body)
    return moments


@asynccontextmanager
async def stream_of(site: Installation) -> AsyncIterator[Stream]:
    """A connection to the stream of an installation, as a producer has it."""
    client = await nats.connect(site.around.addresses["nats"])
    try:
        yield Stream(
            client,
            client.jetstream(timeout=10),
            ingest_stream_name(site.prefix),
            ingest_subject(site.prefix, "default"),
        )
    finally:
        await client.close()
