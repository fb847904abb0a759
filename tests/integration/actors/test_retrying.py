"""What the Retrier makes of failed attempts: a row in `retries` with the next moment, or a message without one left."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from sendoff_actors.handoffs import FailedAttempt, Undeliverable
from sendoff_actors.retrier.handler import Retrying
from sendoff_domain.message import DeathReason
from support.actor_statements import run_statement
from support.claims import failed_attempt
from support.messages import accept
from support.places import claim_values
from support.worker import Worker

#: Three attempts in all, with waits of 10 and 20 seconds and nothing random.
STRATEGY = {"attempts": 3, "first": "10s", "factor": 2, "jitter": 0}
TAKES = timedelta(seconds=2)


@pytest.fixture
async def retrying(worker: Worker) -> Retrying:
    await worker.change_customer(retry=STRATEGY)
    return Retrying(worker.pool, worker.customers)


async def failing(worker: Worker, attempt: int = 1, **fields: object) -> FailedAttempt:
    """An attempt of a new message that is claimed: it began now and took two seconds."""
    (message_id,) = await accept(worker.db)
    await run_statement(worker.db, "claim_due", claim_values("default", 1))
    token = await worker.scalar("SELECT token FROM due WHERE message_id = %s", message_id)
    return failed_attempt(
        id=message_id.hex,
        token=token,
        attempt=attempt,
        started_at=datetime.now(UTC).timestamp(),
        duration_us=TAKES // timedelta(microseconds=1),
        **fields,
    )


async def wait_of(worker: Worker, failure: FailedAttempt) -> timedelta | None:
    """How long after the end of the failed attempt the next one comes; None if there is none planned."""
    planned = await worker.scalar("SELECT next_attempt_at FROM retries WHERE message_id = %s", UUID(hex=failure.id))
    return None if planned is None else planned - datetime.fromtimestamp(failure.ended_at, UTC)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 10), (2, 20)])
async def test_the_next_wait_counts_from_the_end_of_the_attempt(
    worker: Worker, retrying: Retrying, attempt: int, seconds: int
) -> None:
    failure = await failing(worker, attempt)
    assert await retrying.handle([failure]) == []

    assert await wait_of(worker, failure) == timedelta(seconds=seconds)
    assert await worker.rows("SELECT FROM due") == []
    assert await worker.rows("SELECT attempt, status_code, error_class FROM attempts") == [(attempt, 500, "status")]


@pytest.mark.parametrize(("hint", "seconds"), [(45.0, 45), (1.0, 10), (1e9, 24 * 3600)])
async def test_a_retry_after_makes_a_wait_longer_but_never_shorter(
    worker: Worker, retrying: Retrying, hint: float, seconds: int
) -> None:
    failure = await failing(worker, retry_after=hint)
    await retrying.handle([failure])
    assert await wait_of(worker, failure) == timedelta(seconds=seconds)


async def test_jitter_is_added_and_never_taken_off(worker: Worker, retrying: Retrying) -> None:
    await worker.change_customer(retry={**STRATEGY, "jitter": 0.5})
    failures = [await failing(worker) for _ in range(10)]
    await retrying.handle(failures)

    waits = {await wait_of(worker, failure) for failure in failures}
    assert len(waits) > 1
    assert all(wait and timedelta(seconds=10) <= wait <= timedelta(seconds=15) for wait in waits)


async def test_a_strategy_of_its_own_counts_before_the_customers(worker: Worker, retrying: Retrying) -> None:
    patient = await failing(worker, attempt=2, retry='{"waits": ["1s", "7s"], "jitter": 0}')
    other = await failing(worker, attempt=2)
    assert await retrying.handle([patient, other]) == []
    assert await wait_of(worker, patient) == timedelta(seconds=7)
    assert await wait_of(worker, other) == timedelta(seconds=20)


async def test_a_message_of_a_deleted_customer_is_tried_by_the_usual_strategy(worker: Worker) -> None:
    failure = await failing(worker, customer="deleted")
    assert await Retrying(worker.pool, worker.customers).handle([failure]) == []
    assert await wait_of(worker, failure) is not None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"attempt": 3}, DeathReason.EXHAUSTED),
        ({"attempt": 9}, DeathReason.EXHAUSTED),
        ({"final": True}, DeathReason.REJECTED),
        ({"expires_at": 1.0}, DeathReason.EXPIRED),
    ],
)
async def test_a_message_without_an_attempt_left_stays_claimed_with_it_counted(
    worker: Worker, retrying: Retrying, fields: dict[str, object], reason: DeathReason
) -> None:
    failure = await failing(worker, **fields)  # type: ignore[arg-type]  # the attempt is a number
    assert await retrying.handle([failure]) == [Undeliverable(failure.id, failure.token, reason)]

    assert await wait_of(worker, failure) is None
    assert await worker.rows("SELECT token, holder IS NOT NULL FROM due") == [(failure.token, True)]
    assert await worker.scalar("SELECT attempts FROM message_status") == 1
    assert len(await worker.rows("SELECT FROM attempts")) == 1


async def test_a_message_that_expires_before_its_next_attempt_has_none_left(worker: Worker, retrying: Retrying) -> None:
    in_time = await failing(worker, expires_at=datetime.now(UTC).timestamp() + 60)
    too_late = await failing(worker, expires_at=datetime.now(UTC).timestamp() + 5)
    undeliverable = await retrying.handle([in_time, too_late])
    assert undeliverable == [Undeliverable(too_late.id, too_late.token, DeathReason.EXPIRED)]


async def test_a_failure_that_arrives_twice_counts_once(worker: Worker, retrying: Retrying) -> None:
    failure, last = await failing(worker), await failing(worker, final=True)
    for _ in range(2):
        await retrying.handle([failure, last])
    assert len(await worker.rows("SELECT FROM attempts")) == 2
    assert len(await worker.rows("SELECT FROM retries")) == 1


async def test_an_answer_that_postgresql_cannot_hold_as_text_is_kept_as_bytes(
    worker: Worker, retrying: Retrying
) -> None:
    failure = await failing(worker, detail="a\0b", answer=b"\0\xff")
    await retrying.handle([failure])
    assert await worker.rows("SELECT detail, answer FROM attempts") == [("ab", b"\0\xff")]
