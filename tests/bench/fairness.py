"""How long messages of nineteen customers take from the stream to the webhook while a twentieth floods it.

Next to the same without the flood, and beside one into a stream that nobody reads: what the producer and NATS take of
the machine slows the nineteen, too, and is not what the twentieth costs them in Sendoff.
"""

import asyncio
import json
import time
from dataclasses import dataclass

from bench.children import child, read_line
from bench.ingest import Stream, stream_of
from bench.installation import Installation, installation
from bench.series import Figures, Series, beside, one, percentile
from bench.surroundings import Surroundings
from bench.webhook import Arrivals
from sendoff_domain.signing_secret import format_secret
from sendoff_domain.stream_names import ingest_subject

_OTHERS = tuple(f"other-{number}" for number in range(19))
_FLOODING = "flooding"
#: Messages a second of each of the nineteen.
_RATE_OF_EACH = 50
_WARM_UP_SECONDS = 2.0
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


@dataclass(frozen=True, slots=True)
class Run:
    """What became of the messages of the nineteen: how long each took (ms), and how many never arrived.

    `taken` are the times until the ingest has read them, without the commit and the delivery.
    """

    delays: list[float]
    taken: list[float]
    lost: int


@dataclass(frozen=True, slots=True)
class Flooded:
    """A run beside the flood: what the stream took of that and refused, and what it took and nobody stored."""

    run: Run
    acknowledged: int
    refused: int
    missing: int


def measure_fairness(around: Surroundings) -> Figures:
    """Arrival minus publishing in milliseconds; runs without the flood (`bare`) are around the one with it."""
    quota = str(around.scale.flood_quota)
    with installation(around, "fairness") as site:
        _, client = site.api()
        for customer in (*_OTHERS, _FLOODING):
            fields = {"id": customer, "webhookUrl": around.webhook.url, "secret": format_secret(around.webhook.key)}
            answer = client.call("POST", "/v1/customers", fields)
            assert answer.status == 201, answer
        site.launch.ingest(
            INGEST__MAX_BYTES=str(2**30), INGEST__REJECTED__MAX_BYTES=str(2**24), INGEST__PER_CUSTOMER=quota
        )
        site.workers(processes=1)
        site.command("start")
        asyncio.run(_run(site, "warm", _WARM_UP_SECONDS))
        alone = [asyncio.run(_run(site, "before", around.scale.flood_seconds))]
        flooded = asyncio.run(_flooded(site))
        alone.append(asyncio.run(_run(site, "after", around.scale.flood_seconds)))
        unread = asyncio.run(_beside_unread(site))
    return {"fairness": {**_figures(alone, flooded), "p99 beside a stream that nobody reads": one("ms", unread)}}


async def _flooded(site: Installation) -> Flooded:
    run, said = await _beside_flood(site, "beside", ingest_subject(site.prefix, _FLOODING))
    async with stream_of(site) as stream:
        await stream.holds(0)
    return Flooded(run, said["acknowledged"], said["refused"], said["acknowledged"] - site.stored_of(_FLOODING))


async def _beside_unread(site: Installation) -> float:
    """The p99 (ms) of the nineteen beside the same flood, into a stream that forgets what it can't hold."""
    subject, most = f"{site.prefix}.unread", site.around.scale.flood_quota
    async with stream_of(site) as stream:
        await stream.jetstream.add_stream(name=f"{site.prefix}-unread", subjects=[subject], max_msgs=most)
        run, _ = await _beside_flood(site, "unread", subject)
        await stream.jetstream.delete_stream(f"{site.prefix}-unread")
    return percentile(run.delays, 0.99)


async def _beside_flood(site: Installation, name: str, subject: str) -> tuple[Run, dict[str, int]]:
    around = site.around
    arguments = (around.addresses["nats"], subject, str(around.scale.flood_messages))
    with child("flood_producer", *arguments) as producer:
        await asyncio.to_thread(read_line, producer)
        run = await _run(site, name, around.scale.flood_seconds)
        return run, json.loads(await asyncio.to_thread(read_line, producer))


async def _run(site: Installation, name: str, seconds: float) -> Run:
    """The nineteen publish for so long, each at its rate."""
    webhook = site.around.webhook
    webhook.reset()
    async with stream_of(site) as stream:
        await stream.made()
        published = await _publish_steadily(site, stream, name, seconds)
    await asyncio.to_thread(webhook.has, len(published), site.around.scale.patience)
    return _read(site, published, f"{name}-%", webhook.report())


def _read(site: Installation, published: dict[str, float], pattern: str, arrivals: Arrivals) -> Run:
    recipients = site.recipients(pattern)
    arrived = {
        recipients[id]: moment for id, moment in zip(arrivals.ids, arrivals.moments, strict=True) if id in recipients
    }
    delays = [(moment - published[recipient]) * 1000 for recipient, moment in arrived.items()]
    # The first part of an id tells when it was made.
    taken = [int(id[4:16], 16) - published[recipient] * 1000 for id, recipient in recipients.items()]
    return Run(delays, taken, len(published) - len(delays))


async def _publish_steadily(site: Installation, stream: Stream, name: str, seconds: float) -> dict[str, float]:
    """The customers publish in turn; gives the moment (Unix seconds) of each message, by its recipient."""
    rate = _RATE_OF_EACH * len(_OTHERS)
    subjects = [ingest_subject(site.prefix, customer) for customer in _OTHERS]
    began, moments = time.time(), {}
    for number in range(round(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.time()))
        moments[f"{name}-{number}"] = time.time()
        body = json.dumps({"to": f"{name}-{number}", "content": "hello"}).encode()
        await stream.client.publish(subjects[number % len(subjects)], body)
    await stream.client.flush()
    return moments


def _figures(alone: list[Run], flooded: Flooded) -> dict[str, Series]:
    series = {
        name: Series(
            "ms",
            (percentile(flooded.run.delays, share),),
            beside([percentile(run.delays, share) for run in alone]),
        )
        for name, share in _SHARES.items()
    }
    return {
        **series,
        "taken p99": Series(
            "ms",
            (percentile(flooded.run.taken, 0.99),),
            beside([percentile(run.taken, 0.99) for run in alone]),
        ),
        "lost": Series("", (flooded.run.lost + flooded.missing, *(run.lost for run in alone))),
        "flood acknowledged": one("", flooded.acknowledged),
        "flood refused": one("", flooded.refused),
    }
