"""A plan that was made while a table was empty is kept: it still reads none of what has gone since.

A bitmap reads the index entries of all rows that have gone until the next vacuum; a walk along the index forgets them.
"""

import re

import pytest

from support.kept_plans import kept_plans
from support.messages import accept
from support.worker import Worker

#: More often than PostgreSQL plans a statement anew before it keeps a plan, in each connection.
_TIMES = 60
#: A word that no other of them has, of each statement that walks an index.
_WALKS = {
    "sample_due": "earliest_retries",
    "claim_due": "UPDATE due SET token",
    "claim_retries": "DELETE FROM retries",
    "reap_expired": "WITH expired",
}
_RETRY = b"""
INSERT INTO retries (message_id, customer_id, next_attempt_at, attempts, generation, token, incarnation)
SELECT message_id, customer_id, now(), 1, 0, 2, incarnation FROM due WHERE holder IS NULL"""


@pytest.mark.parametrize("statistics", [b"SELECT", b"ANALYZE due, retries", b"VACUUM ANALYZE due, retries"])
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
    for name, word in _WALKS.items():
        plans = await kept_plans(worker.pool, word)
        assert plans, f"{name} is kept"
        for plan in plans:
            assert not re.search(r"Bitmap|Sort Key: \S*(visible_at|next_attempt_at|customer_id)", plan), plan
