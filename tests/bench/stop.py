"""How long after a stop the last new request comes in, while messages flow from many instances."""

import asyncio
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import nats

from bench.backlog import insert_ahead, refresh
from bench.installation import Installation, installation
from bench.series import Figures, Series, one, percentile
from bench.surroundings import Surroundings
from bench.webhook import Arrivals
from sendoff_db.sql import read_statement

_RATE = 500.0
_ROUND_SECONDS = 1.5
_FLOW_SECONDS = 0.3
_QUIET_SECONDS = 0.6
#: Small workers, or eight instances do not fit on a small machine; and none can take a whole interval's messages.
_SMALL = {"SCHEDULER__BATCH_SIZE": "10", "SCHEDULER__MAX_CONCURRENT": "10", "POSTGRES__POOL_SIZE": "2"}

Send = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop: when it was sent, when it was answered (only HTTP answers), and when it was over."""

    sent_at: float
    answered_at: float | None
    over_at: float


def measure_stop(around: Surroundings) -> Figures:
    """Half of the commands go by HTTP, half by NATS; messages that are left at the end must arrive as well."""
    scale = around.scale
    with installation(around, "stop") as site:
        url = site.api()[1].url
        site.workers(scale.instances, 1, **_SMALL)
        refresh(site.db)
        planned = insert_ahead(site.db, round(_RATE * _ROUND_SECONDS * (scale.stops + 1)), _RATE)
        site.command("start")
        around.webhook.has(1, scale.patience)
        stops = asyncio.run(_rounds(site, url))
        site.db.execute(read_statement("bench", "hurry_up"))
        site.finish(len(planned), scale.patience)
        arrivals = around.webhook.report()
    return {
        "stop": {
            **_latencies(stops, arrivals),
            "lost": one("", arrivals.lost({message.id for message in planned})),
            "duplicates": one("", arrivals.duplicates),
        }
    }


def _latencies(stops: list[Stop], arrivals: Arrivals) -> dict[str, Series]:
    moments = sorted(arrivals.moments)
    flowing = [stop for stop in stops if _in_between(moments, stop.sent_at - _FLOW_SECONDS, stop.sent_at)]
    by_http = [(stop, stop.answered_at) for stop in flowing if stop.answered_at is not None]
    by_nats = [stop for stop in flowing if stop.answered_at is None]
    after = {
        "http": [_last_after(moments, stop.sent_at, stop.over_at) for stop, _ in by_http],
        "nats": [_last_after(moments, stop.sent_at, stop.over_at) for stop in by_nats],
        "answer": [_last_after(moments, answered_at, stop.over_at) for stop, answered_at in by_http],
    }
    both = after["http"] + after["nats"]
    return {
        "p50": one("ms", percentile(both, 0.5)),
        "p99": one("ms", percentile(both, 0.99)),
        "max": one("ms", percentile(both, 1.0)),
        "by http": Series("ms", tuple(after["http"])),
        "by nats": Series("ms", tuple(after["nats"])),
        "answered by http": Series("ms", tuple((answered_at - stop.sent_at) * 1000 for stop, answered_at in by_http)),
        "after that answer": Series("ms", tuple(after["answer"])),
        "without flow": one("", len(stops) - len(flowing)),
    }


def _in_between(moments: list[float], start: float, end: float) -> int:
    return bisect_left(moments, end) - bisect_left(moments, start)


def _last_after(moments: list[float], start: float, end: float) -> float:
    """Milliseconds from `start` to the last arrival before `end`, 0 if there is none in between."""
    last = bisect_left(moments, end) - 1
    return max(0.0, moments[last] - start) * 1000 if last >= 0 else 0.0


async def _rounds(site: Installation, url: str) -> list[Stop]:
    async with _http(url) as http, _nats(site) as bus:
        return [await _round(site, number, http, bus) for number in range(site.around.scale.stops)]


async def _round(site: Installation, number: int, http: Send, bus: Send) -> Stop:
    webhook = site.around.webhook
    await asyncio.to_thread(webhook.has, webhook.count() + 1, _ROUND_SECONDS)
    # Not always at the same moment between two ticks.
    await asyncio.sleep(_FLOW_SECONDS + 0.013 * number)
    by_http = number % 2 == 0
    send = http if by_http else bus
    sent_at = time.time()
    await send("stop")
    answered_at = time.time() if by_http else None
    await asyncio.sleep(_QUIET_SECONDS)
    over_at = time.time()
    await send("start")
    return Stop(sent_at, answered_at, over_at)


@asynccontextmanager
async def _http(url: str) -> AsyncIterator[Send]:
    async with aiohttp.ClientSession() as session:

        async def send(action: str) -> None:
            async with session.post(f"{url}/v1/scheduler/{action}") as answer:
                answer.raise_for_status()
                await answer.read()

        yield send


@asynccontextmanager
async def _nats(site: Installation) -> AsyncIterator[Send]:
    client = await nats.connect(site.around.addresses["nats"])
    try:

        async def send(action: str) -> None:
            await client.publish(f"{site.prefix}.control.{action}", b"")
            await client.flush()

        yield send
    finally:
        await client.close()
