"""Group commit: what arrives together is committed together, and each submission is answered."""

import asyncio

import pytest

from integration.intake.conftest import Intake, submit, unstorable
from sendoff_domain.errors import UnavailableError
from sendoff_intake.submission import Reason, Rejected, Stored

_TRANSACTIONS = "SELECT count(DISTINCT xmin::text) FROM messages"


async def test_submissions_of_one_turn_share_a_commit(intake: Intake) -> None:
    results = await asyncio.gather(*(intake.group_commit.store(submit()) for _ in range(100)))
    assert all(isinstance(result, Stored) for result in results)
    assert await intake.scalar(_TRANSACTIONS) == 1


async def test_what_arrives_during_a_flush_shares_the_next(intake: Intake) -> None:
    first = asyncio.create_task(intake.group_commit.store(submit()))
    for _ in range(3):
        await asyncio.sleep(0)  # the first flush is on its way
    rest = asyncio.gather(*(intake.group_commit.store(submit()) for _ in range(10)))
    await first
    await rest
    assert await intake.scalar(_TRANSACTIONS) == 2


async def test_a_lone_submission_waits_for_no_other(intake: Intake) -> None:
    for _ in range(3):
        assert isinstance(await intake.group_commit.store(submit()), Stored)


async def test_each_submission_gets_its_own_result(intake: Intake) -> None:
    stored, rejected, refused = await asyncio.gather(
        intake.group_commit.store(submit()),
        intake.group_commit.store(submit(customer="stranger")),
        intake.group_commit.store(unstorable()),
        return_exceptions=True,
    )
    assert isinstance(stored, Stored)
    assert isinstance(rejected, Rejected)
    assert rejected.reason is Reason.INVALID
    assert isinstance(refused, Exception)


async def test_a_request_that_went_away_does_not_disturb_the_others(intake: Intake) -> None:
    tasks = [asyncio.create_task(intake.group_commit.store(submit())) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [Stored, asyncio.CancelledError, Stored]


async def test_more_than_can_wait_is_refused_at_once(intake: Intake) -> None:
    results = await asyncio.gather(*(intake.group_commit.store(submit()) for _ in range(5_010)), return_exceptions=True)
    refused = [result for result in results if not isinstance(result, Stored)]
    assert [str(error) for error in refused] == ["too many messages wait to be stored; slow down"] * 10
    assert all(isinstance(error, UnavailableError) for error in refused)
    assert await intake.scalar("SELECT count(*) FROM messages") == intake.accepted == 5_000


async def test_closing_flushes_what_is_pending(intake: Intake) -> None:
    tasks = [asyncio.create_task(intake.group_commit.store(submit())) for _ in range(1_200)]
    await asyncio.sleep(0)
    await intake.group_commit.close()
    assert await intake.scalar("SELECT count(*) FROM messages") == 1_200
    assert all(isinstance(result, Stored) for result in await asyncio.gather(*tasks))


async def test_a_flush_that_fails_is_answered_and_the_next_one_is_tried(intake: Intake) -> None:
    await intake.execute("ALTER TABLE due RENAME TO away")
    with pytest.raises(UnavailableError, match="not known whether the message was stored"):
        await intake.group_commit.store(submit())
    await intake.execute("ALTER TABLE away RENAME TO due")
    assert isinstance(await intake.group_commit.store(submit()), Stored)
