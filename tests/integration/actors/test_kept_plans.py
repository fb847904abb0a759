"""A plan that was made while a table was empty is kept: it still reads none of what has gone since.

A bitmap reads the index entries of all rows that have gone until the next vacuum; a walk along the index forgets them.
"""

import re
from collections.abc import Callable, Mapping
from itertools import cycle

import msgspec
import pytest
from aiohttp import web

from sendoff_actors.handoffs import FailedAttempt, Queue
from sendoff_db.pool import Pool
from sendoff_db.sql import walk_indexes
from support.kept_plans import kept_plans
from support.messages import accept
from support.receiver import Received, Receiver
from support.receiver import accept as accept_request
from support.worker import Worker

#: More often than PostgreSQL plans a statement anew before it keeps a plan, in each connection.
_TIMES = 60
_READS_MORE = re.compile(r"Bitmap|Seq Scan on (due|retries|customers)|Sort Key: \S*(_at|customer_id)")
#: A word that no other of them has, of each statement of a claim, and of what is written of a message later.
_OF_CLAIMS = {
    "sample_due": "earliest_retries",
    "read_claim_limits": "rate_period_ms",
    "claim_due": "UPDATE due SET token",
    "claim_retries": "DELETE FROM retries",
    "reap_expired": "WITH expired",
}
_OF_WRITES = {
    "record_sent": "INSERT INTO deliveries",
    "record_failed": "INSERT INTO attempts",
}
_STATISTICS = pytest.mark.parametrize(
    "statistics", [b"SELECT", b"ANALYZE due, retries", b"VACUUM ANALYZE due, retries"]
)
_RETRY = b"""
INSERT INTO retries (message_id, customer_id, next_attempt_at, attempts, generation, token, incarnation)
SELECT message_id, customer_id, now(), 1, 0, 2, incarnation FROM due WHERE holder IS NULL"""


@_STATISTICS
async def test_a_claim_walks_along_its_index_whatever_the_table_was_when_it_was_planned(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, statistics: bytes
) -> None:
    monkeypatch.setattr("sendoff_actors.claimer.handler._REAP_EVERY", 0)
    await worker.join()
    await worker.db.execute(statistics)
    for number in range(_TIMES):
        await accept(worker.db)
        if number % 2:
            await worker.db.execute(_RETRY)
            await worker.db.execute(b"DELETE FROM due WHERE holder IS NULL")
        assert await worker.claim()
    await assert_index_walks(worker.pool, _OF_CLAIMS)


@_STATISTICS
async def test_what_is_written_of_a_message_finds_it_by_its_key(
    sender: Worker, receiver: Receiver, statistics: bytes
) -> None:
    await sender.change_customer(retry={"attempts": 3, "first": "1h", "factor": 1, "jitter": 0})
    receiver.script = failing_some()
    await sender.db.execute(statistics)
    for _ in range(_TIMES):
        await accept(sender.db)
        assert await sender.accept()
        await sender.requests_over()
        await sender.record()
        for (failures,) in await sender.handed_on(Queue.RETRIER):
            await sender.parts.retrying.handle(msgspec.convert(failures, list[FailedAttempt]))
    await assert_index_walks(sender.pool, _OF_WRITES)


async def assert_index_walks(pool: Pool, statements: Mapping[str, str]) -> None:
    for name, word in statements.items():
        plans = await kept_plans(pool, word, walk_indexes)
        assert plans, f"{name} is kept"
        for plan in plans:
            assert not _READS_MORE.search(plan), plan


def failing_some() -> Callable[[Received], web.StreamResponse]:
    """Every fourth request fails, which opens no breaker."""
    fails = cycle((True, False, False, False))
    return lambda received: web.Response(status=500) if next(fails) else accept_request(received)
