"""What the DeadLetterer does: dead letters with their history, and away with what is old."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from sendoff_actors.dead_letterer.handler import Burying
from sendoff_actors.handoffs import Undeliverable
from sendoff_config.settings import PartitionSettings
from sendoff_db.partitions import list_partitions, make_partition
from sendoff_domain.message import DeathReason
from support.actor_statements import run_statement
from support.messages import accept
from support.places import claim_values, failure_values
from support.worker import Worker

DAY = timedelta(days=1)


@pytest.fixture
def burying(worker: Worker) -> Burying:
    return Burying(
        pool=worker.pool,
        partitions=PartitionSettings(),
        retention=30 * DAY,
        letter_retention=10 * DAY,
        count=worker.parts.metrics.count_dead_letters,
    )


async def undeliverable(worker: Worker, count: int = 1) -> list[Undeliverable]:
    """Messages whose only attempt failed, still claimed."""
    await accept(worker.db, count)
    await run_statement(worker.db, "claim_due", claim_values("default", count))
    claims = await worker.rows("SELECT message_id, token FROM due ORDER BY message_id")
    for message_id, token in claims:
        await run_statement(worker.db, "record_failed", failure_values(message_id, token, 1, 0, None))
    return [Undeliverable(message_id.hex, token, DeathReason.EXHAUSTED) for message_id, token in claims]


async def test_a_dead_letter_is_a_full_copy_with_the_history_of_its_attempts(worker: Worker, burying: Burying) -> None:
    (dead,) = await undeliverable(worker)
    assert await burying.bury([dead]) == 1

    assert await worker.rows("SELECT id FROM message_status WHERE status <> 'dead'") == []
    ((payload, reason, attempts, last_error, history),) = await worker.rows(
        "SELECT payload, reason, attempts, last_error, history FROM dead_letters"
    )
    assert dead.id in payload
    assert (reason, attempts, last_error) == ("exhausted", 1, "the webhook said 503")
    assert [(one["attempt"], one["statusCode"]) for one in history] == [(1, 503)]


async def test_what_another_claim_holds_by_now_is_left_alone(worker: Worker, burying: Burying) -> None:
    mine, lost = await undeliverable(worker, 2)
    await worker.db.execute("UPDATE due SET token = 3 WHERE message_id = %s::uuid", (lost.id,))
    assert await burying.bury([mine, lost]) == 1
    assert await worker.scalar("SELECT count(*) FROM due") == 1


async def test_a_burial_that_arrives_twice_buries_once(worker: Worker, burying: Burying) -> None:
    dead = await undeliverable(worker, 3)
    assert [await burying.bury(dead), await burying.bury(dead)] == [3, 0]
    assert await worker.scalar("SELECT count(*) FROM dead_letters") == 3


async def test_a_clean_up_deletes_the_dead_letters_that_are_too_old(worker: Worker, burying: Burying) -> None:
    await burying.bury(await undeliverable(worker, 3))
    old = await worker.rows("SELECT message_id FROM dead_letters ORDER BY message_id LIMIT 2")
    await worker.db.execute(
        "UPDATE dead_letters SET dead_at = now() - interval '10 days 1 s' WHERE message_id = ANY(%s)",
        ([message_id for (message_id,) in old],),
    )
    await burying.clean_up()
    assert await worker.scalar("SELECT count(*) FROM dead_letters") == 1


async def test_a_clean_up_makes_the_partitions_ahead_and_drops_the_old_ones(worker: Worker, burying: Burying) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    await make_partition(worker.db, "deliveries", today - 41 * DAY, today - 40 * DAY)
    newest = (await list_partitions(worker.db, "deliveries"))[-1]
    await worker.db.execute(f"DROP TABLE {newest.name}".encode())

    await burying.clean_up()

    partitions = await list_partitions(worker.db, "deliveries")
    assert newest in partitions
    assert partitions[0].start >= today - 31 * DAY


async def test_several_processes_may_clean_up_at_once(worker: Worker, burying: Burying) -> None:
    await burying.bury(await undeliverable(worker, 5))
    await worker.db.execute("UPDATE dead_letters SET dead_at = now() - interval '11 days'")
    await asyncio.gather(*(burying.clean_up() for _ in range(4)))
    assert await worker.scalar("SELECT count(*) FROM dead_letters") == 0
