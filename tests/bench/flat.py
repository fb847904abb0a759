"""Whether claims, records and lists cost the same when the tables are full, and while an old snapshot is held."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median

import psycopg

from bench.backlog import insert_due, refresh
from bench.claims import CLAIM, Costs, Worker, worker
from bench.installation import Installation, installation
from bench.series import Figures, Series, beside, one
from bench.stock import fill
from bench.surroundings import Surroundings
from support.client import Client

_WARM_UP = 2
_REPEATS = 5
_LAST = 4
_LISTS = {
    "all messages": "/v1/messages",
    **{status: f"/v1/messages?status={status}" for status in ("scheduled", "sending", "retrying", "sent", "dead")},
    "of a customer": "/v1/messages?customer=default",
    "to somebody": "/v1/messages?to=%2B4915112345678",
    "sent that day": "/v1/messages?sentAfter={after}&sentBefore={before}",
    "retries": "/v1/retries",
    "dead letters": "/v1/dead-letters",
}


def measure_flat(around: Surroundings) -> Figures:
    """Empty and full tables take turns on one server; `bare` is the empty ones."""
    scale = around.scale
    with installation(around, "empty") as empty, installation(around, "full") as full:
        fill(full, *scale.stock, late=(_WARM_UP + scale.claims) * CLAIM)
        figures = asyncio.run(_claims(empty, full))
        lists = _lists(full.api()[1])
    rows = {"due rows": one("", scale.stock[0]), "delivered rows": one("", scale.stock[1])}
    return {"flat": {**figures, **rows}, "flat lists": lists}


async def _claims(empty: Installation, full: Installation) -> dict[str, Series]:
    scale = empty.around.scale
    async with worker(empty) as on_empty, worker(full) as on_full:
        await _round(empty, on_empty, _WARM_UP)
        await on_full.work(_WARM_UP)
        bare, costs = [await _round(empty, on_empty, scale.claims)], []
        old = await on_full.work(scale.claims)
        for _ in range(scale.rounds):
            costs.append(await _round(full, on_full, scale.claims))
            bare.append(await _round(empty, on_empty, scale.claims))
        return {**_compared(costs, bare, old), **await _pinned(full, on_full)}


async def _round(site: Installation, work: Worker, claims: int) -> Costs:
    """As many messages become due as are claimed then, so that a round leaves the tables as they were."""
    insert_due(site.db, claims * CLAIM)
    refresh(site.db)
    return await work.work(claims)


def _compared(costs: list[Costs], bare: list[Costs], old: Costs) -> dict[str, Series]:
    """`old` messages lie scattered in the full tables; the others were made just before, as on the empty ones."""
    claims, records = (beside(values) for values in zip(*map(_medians, bare), strict=True))
    full_claims, full_records = zip(*map(_medians, costs), strict=True)
    old_claim, old_record = _medians(old)
    return {
        "claim 500": Series("ms", full_claims, claims),
        "record 250": Series("ms", full_records, records),
        "claim 500 old ones": one("ms", old_claim, claims[0]),
        "record 250 old ones": one("ms", old_record, records[0]),
    }


def _medians(costs: Costs) -> tuple[float, float]:
    return median(costs.claims), median(costs.records)


async def _pinned(site: Installation, work: Worker) -> dict[str, Series]:
    """The same claims without and with a snapshot from before them; the last ones have the most dead rows to pass."""
    claims = site.around.scale.pinned_claims
    free = await _round(site, work, claims)
    insert_due(site.db, claims * CLAIM)
    with _old_snapshot(site):
        pinned = await work.work(claims)
    last = -max(1, claims // _LAST)
    return {
        "claim, pinned": one("ms", median(pinned.claims), median(free.claims)),
        "last claims, pinned": one("ms", median(pinned.claims[last:]), median(free.claims[last:])),
        "record, pinned": one("ms", median(pinned.records), median(free.records)),
    }


@contextmanager
def _old_snapshot(site: Installation) -> Iterator[None]:
    """A transaction that sees the tables as they are now, as a report or a dump does."""
    with psycopg.connect(site.environment["SENDOFF_POSTGRES__URL"]) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute(b"SELECT FROM due LIMIT 1")
        yield


def _lists(client: Client) -> dict[str, Series]:
    """Milliseconds of one page of each list, the connection and the client's own work included."""
    after = datetime.now(UTC) - timedelta(days=10)
    moments = {"after": f"{after:%Y-%m-%dT%H:%M:%SZ}", "before": f"{after + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}
    return {name: Series("ms", _pages(client, path.format_map(moments))) for name, path in _LISTS.items()}


def _pages(client: Client, path: str) -> tuple[float, ...]:
    took = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        answer = client.call("GET", path)
        took.append((time.perf_counter() - began) * 1000)
        assert answer.status == 200, answer
    return tuple(took)
