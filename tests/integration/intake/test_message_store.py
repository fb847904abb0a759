"""Storing submissions: each once, in order, whatever its neighbours are."""

from collections.abc import Sequence

from psycopg import DataError

from integration.intake.conftest import Intake, submit, unstorable
from sendoff_intake.submission import Reason, Rejected, Stored, Submission


class Chunks:
    """A batch whose chunks are given."""

    def __init__(self, *chunks: Sequence[Submission]) -> None:
        self.is_one_chunk = len(chunks) == 1
        self._chunks = [list(chunk) for chunk in chunks]

    async def next_chunk(self) -> list[Submission] | None:
        return self._chunks.pop(0) if self._chunks else None


async def test_results_are_in_the_order_of_the_submissions(intake: Intake) -> None:
    submissions = [submit(content=number) for number in range(20)]
    results = await intake.store.store(submissions)
    assert [result.hex_id for result in results if isinstance(result, Stored)] == [one.hex_id for one in submissions]
    assert await intake.scalar("SELECT count(*) FROM due") == intake.accepted == 20


async def test_what_the_database_refuses_does_not_hold_back_the_rest(intake: Intake) -> None:
    submissions = [submit(), submit(), unstorable(), submit(), unstorable()]
    results = await intake.store.store(submissions)
    assert [isinstance(result, DataError) for result in results] == [False, False, True, False, True]
    assert await intake.scalar("SELECT count(*) FROM messages") == intake.accepted == 3


async def test_a_message_of_an_unknown_customer_is_rejected_alone(intake: Intake) -> None:
    stored, rejected = await intake.store.store([submit(), submit(customer="stranger")])
    assert isinstance(stored, Stored)
    assert isinstance(rejected, Rejected)
    assert (rejected.reason, rejected.errors[0].code) == (Reason.INVALID, "unknown_customer")
    assert rejected.detail == "/customer: there is no customer 'stranger'"


async def test_a_replay_is_neither_stored_nor_counted(intake: Intake) -> None:
    first, again = submit("order-17"), submit("order-17")
    (stored,) = await intake.store.store([first])
    (replayed,) = await intake.store.store([again])
    assert isinstance(stored, Stored)
    assert replayed == Stored(first.hex_id, stored.deliver_at, replayed=True)
    assert await intake.scalar("SELECT count(*) FROM messages") == intake.accepted == 1


async def test_another_body_under_a_used_key_is_rejected(intake: Intake) -> None:
    _, reused = await intake.store.store([submit("order-17"), submit("order-17", content="other")])
    assert isinstance(reused, Rejected)
    assert reused.reason is Reason.KEY_REUSED


async def test_workers_are_woken_for_what_is_due_and_for_nothing_else(intake: Intake) -> None:
    await intake.store.store([submit(delay="1h"), submit(customer="stranger")])
    assert intake.hints == []
    await intake.store.store([submit(delay="1h"), submit()])
    assert len(intake.hints) == 1


async def test_a_batch_of_several_chunks_is_committed_as_one(intake: Intake) -> None:
    chunks = [[submit() for _ in range(5)] for _ in range(4)]
    results = await intake.store.store_batch(Chunks(*chunks))
    expected = [submission.hex_id for chunk in chunks for submission in chunk]
    assert [result.hex_id for result in results if isinstance(result, Stored)] == expected
    assert await intake.scalar("SELECT count(DISTINCT xmin::text) FROM messages") == 1
    assert intake.accepted == 20


async def test_a_refused_row_in_one_chunk_does_not_hold_back_the_others(intake: Intake) -> None:
    results = await intake.store.store_batch(Chunks([submit(), submit()], [unstorable(), submit()], [submit()]))
    assert [isinstance(result, Stored) for result in results] == [True, True, False, True, True]
    assert await intake.scalar("SELECT count(*) FROM messages") == intake.accepted == 4


async def test_a_batch_of_nothing_is_no_mistake(intake: Intake) -> None:
    assert await intake.store.store_batch(Chunks([])) == []
