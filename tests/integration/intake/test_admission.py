"""limits.backlog at every door: never exceeded by a process, whatever is counted meanwhile or can't be."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry, Counter
from psycopg import DataError

from integration.intake.conftest import Intake, submit, unstorable
from sendoff_domain.errors import UnavailableError
from sendoff_intake import backlog_figures
from sendoff_intake.admission import Admitter
from sendoff_intake.backlog_figures import BacklogFigures
from sendoff_intake.group_commit import AdmittingIntake
from sendoff_intake.submission import Reason, Rejected, Stored, Submission
from support.waiting import eventually

WAITING = "SELECT count(*) FROM due WHERE customer_id = 'acme'"


@dataclass
class Door:
    """An intake that admits; every admission counts anew."""

    behind: Intake
    admitter: Admitter
    figures: BacklogFigures
    intake: AdmittingIntake

    async def limit(self, backlog: int) -> None:
        """The customer acme may have so many waiting."""
        await self.behind.execute(
            "INSERT INTO customers (id, name, timeout_ms, connect_timeout_ms, retry, backlog)"
            f" VALUES ('acme', 'Acme', 1000, 1000, '{{}}', {backlog})"
        )
        self.figures.forget("acme")


@pytest.fixture
async def door(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    monkeypatch.setattr(backlog_figures, "_FRESH", 0.0)
    monkeypatch.setattr(backlog_figures, "_LONGEST_FRESH", 0.0)
    figures = BacklogFigures(intake.pool)
    await figures.start()
    admitter = Admitter(figures, Counter("refused", "Messages refused", registry=CollectorRegistry()))
    yield Door(intake, admitter, figures, AdmittingIntake(admitter, intake.group_commit, intake.store))
    await figures.close()


def to_acme(key: str | None = None) -> Submission:
    return submit(key, customer="acme", delay="1h")


def is_refused(result: object) -> bool:
    return isinstance(result, Rejected) and result.reason is Reason.BACKLOG_FULL


async def test_counts_that_run_beside_stores_let_no_more_in(door: Door) -> None:
    await door.limit(20)
    for _ in range(5):
        results = await asyncio.gather(*(door.intake.store(to_acme()) for _ in range(50)))
        assert all(isinstance(result, Stored) or is_refused(result) for result in results)
    assert await door.behind.scalar(WAITING) == 20


async def test_what_can_not_be_counted_counts_as_it_was(door: Door) -> None:
    await door.limit(3)
    assert isinstance(await door.intake.store(to_acme()), Stored)
    await door.behind.execute("ALTER TABLE retries RENAME TO away")
    results = [await door.intake.store(to_acme()) for _ in range(4)]
    await door.behind.execute("ALTER TABLE away RENAME TO retries")
    assert [isinstance(result, Stored) for result in results] == [True, True, False, False]
    assert await door.behind.scalar(WAITING) == 3


async def test_a_key_that_can_not_be_looked_up_is_neither_stored_nor_refused(door: Door) -> None:
    await door.limit(1)
    first, again = to_acme("order-17"), to_acme("order-17")
    assert isinstance(await door.intake.store(first), Stored)
    await door.behind.execute("ALTER TABLE idempotency_keys RENAME TO away")
    with pytest.raises(UnavailableError, match="find_used_keys"):
        await door.intake.store(again)
    await door.behind.execute("ALTER TABLE away RENAME TO idempotency_keys")
    replayed = await door.intake.store(again)
    assert isinstance(replayed, Stored)
    assert (replayed.hex_id, replayed.replayed) == (first.hex_id, True)


async def test_what_was_not_stored_leaves_its_room_to_others(door: Door) -> None:
    await door.limit(2)
    bad = Submission("0" * 32, unstorable().message, b"{}", None, None)
    admission = await door.admitter.admit([to_acme(), bad, to_acme(), to_acme()])
    assert [one.message.customer for one in admission.admitted] == ["acme", "default", "acme"]
    results = admission.end(await door.behind.store.store(admission.admitted))
    assert [isinstance(result, Stored) for result in results] == [True, False, True, False]
    assert isinstance(results[1], DataError)
    assert is_refused(results[3])
    other = await door.admitter.admit([to_acme()])
    assert (other.admitted, is_refused(other.rejected[0])) == ([], True)
    await door.behind.execute("DELETE FROM due")
    never_stored = await door.admitter.admit([to_acme(), to_acme()])
    assert not never_stored.rejected
    never_stored.give_up()
    assert not (await door.admitter.admit([to_acme(), to_acme()])).rejected


async def test_a_request_that_went_away_leaves_no_trace_but_its_message(door: Door) -> None:
    await door.limit(1)
    gone = asyncio.create_task(door.intake.store(to_acme()))
    pending = door.behind.group_commit._pending
    await eventually(lambda: len(pending) or door.behind.group_commit._flushes, "it was let in", every=0)
    gone.cancel()
    await asyncio.wait([gone])
    await door.behind.group_commit.close()
    assert is_refused(await door.intake.store(to_acme()))
    await door.behind.execute("DELETE FROM due")
    assert isinstance(await door.intake.store(to_acme()), Stored)
    assert await door.behind.scalar(WAITING) == 1
