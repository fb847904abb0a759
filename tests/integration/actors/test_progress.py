"""What a worker says of its progress: when it has last claimed, and since when an outcome waits to be written."""

import asyncio

from sendoff_actors.composition import progress_of
from support.messages import accept
from support.receiver import Receiver
from support.waiting import eventually
from support.worker import Worker


async def claim_by(worker: Worker) -> float:
    """As the row of the process has it, in seconds from now."""
    await worker.parts.member.poll()
    return float(await worker.scalar("SELECT extract(epoch FROM claim_by - now()) FROM processes"))


async def test_each_claim_that_is_answered_is_progress_whether_it_finds_something_or_not(sender: Worker) -> None:
    for _ in range(2):
        sender.parts.claiming.claimed_at -= 100
        assert await claim_by(sender) < 0
        await sender.claim()
        assert await claim_by(sender) > 0
        await accept(sender.db)


async def test_a_stop_is_no_standstill(sender: Worker) -> None:
    sender.parts.claiming.claimed_at -= 100
    await sender.db.execute("UPDATE control_state SET desired = 'stopped', revision = revision + 1")
    await sender.parts.member.poll()
    assert await claim_by(sender) > 0


async def test_an_outcome_that_cannot_be_written_is_told_until_it_is(sender: Worker, receiver: Receiver) -> None:
    await accept(sender.db)
    await sender.accept()
    await sender.requests_over()
    async with sender.db.transaction():
        await sender.db.execute("LOCK TABLE deliveries")
        recording = asyncio.create_task(sender.record())
        await eventually(lambda: progress_of(sender.parts).record_by is not None, "an outcome waits")
    await recording
    assert progress_of(sender.parts).record_by is None
    assert len(receiver.received) == 1
