"""The transaction in PostgreSQL that turns a command into a revision."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from sendoff_config.settings import SchedulerSettings, Settings
from sendoff_control.authority import Fence, decide
from sendoff_control.seed import seed_state
from sendoff_db.migrator import migrate
from sendoff_db.pool import Connection
from sendoff_domain.control import Action, Command, CommandStatus, Decision, Desired, parse_command
from sendoff_domain.errors import UnavailableError, UnknownScopeError
from support.seeding import seed

STOP, START = Command(Action.STOP), Command(Action.START)


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """A connection to a seeded database."""
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as opened:
        await migrate(opened)
        await seed(opened, Settings())
        yield opened


async def decide_at_last(database: str, command: Command) -> Decision:
    """Decide on a connection of its own; on a busy machine others may end the session, taking it for one that froze."""
    while True:
        with contextlib.suppress(psycopg.OperationalError, UnavailableError):
            async with await psycopg.AsyncConnection.connect(database, autocommit=True) as own:
                return await decide(own, command, "http")


def outcome(decision: Decision) -> tuple[CommandStatus, int, Desired]:
    return decision.status, decision.revision, decision.desired


async def test_each_change_is_the_next_revision(connection: Connection) -> None:
    assert outcome(await decide(connection, STOP, "cli")) == (CommandStatus.ACCEPTED, 2, Desired.STOPPED)
    assert outcome(await decide(connection, STOP, "cli")) == (CommandStatus.NO_CHANGE, 2, Desired.STOPPED)
    assert outcome(await decide(connection, START, "cli")) == (CommandStatus.ACCEPTED, 3, Desired.RUNNING)


async def test_a_repeated_command_gets_the_first_result_whatever_came_since(connection: Connection) -> None:
    await decide(connection, Command(Action.STOP, "x"), "http")
    await decide(connection, START, "http")
    assert outcome(await decide(connection, Command(Action.STOP, "x"), "nats")) == (
        CommandStatus.DUPLICATE,
        2,
        Desired.STOPPED,
    )
    assert outcome(await decide(connection, START, "http")) == (CommandStatus.NO_CHANGE, 3, Desired.RUNNING)


async def test_one_command_sent_twenty_times_at_once_counts_once(connection: Connection, database: str) -> None:
    decisions = await asyncio.gather(*(decide_at_last(database, Command(Action.STOP, "x")) for _ in range(20)))
    assert sorted(decision.status for decision in decisions) == ["accepted"] + ["duplicate"] * 19
    assert {decision.revision for decision in decisions} == {2}


async def test_opposite_commands_at_once_get_one_order(connection: Connection, database: str) -> None:
    sent = (decide_at_last(database, STOP if number % 2 else START) for number in range(20))
    decisions = await asyncio.gather(*sent)
    accepted = sorted((each.revision, each.desired) for each in decisions if each.status is CommandStatus.ACCEPTED)
    assert [revision for revision, _ in accepted] == list(range(2, 2 + len(accepted)))
    assert [desired for _, desired in accepted] == [
        Desired.RUNNING if revision % 2 else Desired.STOPPED for revision, _ in accepted
    ]


@pytest.mark.parametrize(
    ("age", "status"),
    [
        (timedelta(seconds=20), CommandStatus.ACCEPTED),
        (timedelta(seconds=40), CommandStatus.EXPIRED),
        (timedelta(seconds=-20), CommandStatus.ACCEPTED),
    ],
)
async def test_a_command_expires_thirty_seconds_after_its_issue(
    connection: Connection, age: timedelta, status: CommandStatus
) -> None:
    decision = await decide(connection, Command(Action.STOP, issued_at=datetime.now(UTC) - age), "http")
    assert decision.status is status


@pytest.mark.parametrize(
    ("issued_at", "status"),
    [
        ("2026-01-01T00:00:00+23:59", CommandStatus.EXPIRED),
        ("2026-01-01T00:00:00-23:59", CommandStatus.EXPIRED),
        ("0001-01-01T00:00:00Z", CommandStatus.EXPIRED),
        ("0001-01-01T00:00:00+23:59", CommandStatus.EXPIRED),
        ("9999-12-31T23:59:59.999999Z", CommandStatus.ACCEPTED),
        ("9999-12-31T23:59:59-23:59", CommandStatus.ACCEPTED),
    ],
)
async def test_a_command_may_be_issued_at_any_moment_of_any_time_zone(
    connection: Connection, issued_at: str, status: CommandStatus
) -> None:
    command = parse_command(f'{{"action": "stop", "issuedAt": "{issued_at}"}}'.encode())
    assert isinstance(command, Command)
    assert (await decide(connection, command, "nats")).status is status


async def test_a_customer_has_revisions_of_its_own(connection: Connection) -> None:
    assert outcome(await decide(connection, Command(Action.START, scope="default"), "http")) == (
        CommandStatus.NO_CHANGE,
        0,
        Desired.RUNNING,
    )
    assert outcome(await decide(connection, Command(Action.STOP, scope="default"), "http")) == (
        CommandStatus.ACCEPTED,
        1,
        Desired.STOPPED,
    )
    assert outcome(await decide(connection, STOP, "http")) == (CommandStatus.ACCEPTED, 2, Desired.STOPPED)


@pytest.mark.parametrize(
    "fence",
    [Fence(expected_revision=1), Fence(deadline=datetime(2020, 1, 1, tzinfo=UTC))],
    ids=["decided since", "deadline passed"],
)
async def test_a_fenced_command_that_is_too_late_changes_nothing(connection: Connection, fence: Fence) -> None:
    await decide(connection, STOP, "http")
    assert outcome(await decide(connection, START, "redis", fence)) == (CommandStatus.EXPIRED, 2, Desired.STOPPED)


async def test_a_fenced_command_in_time_counts(connection: Connection) -> None:
    fence = Fence(datetime.now(UTC) + timedelta(minutes=1), 1)
    assert outcome(await decide(connection, STOP, "redis", fence)) == (CommandStatus.ACCEPTED, 2, Desired.STOPPED)


async def test_the_desired_state_is_seeded_once(connection: Connection) -> None:
    async def desired() -> object:
        return await (await connection.execute("SELECT desired FROM control_state WHERE scope = 'global'")).fetchone()

    await connection.execute("DELETE FROM control_state")
    await seed_state(connection, SchedulerSettings(enabled=False))
    assert await desired() == ("stopped",)
    await seed_state(connection, SchedulerSettings(enabled=True))
    assert await desired() == ("stopped",)


async def test_a_stop_of_nobody_is_refused_and_keeps_nothing(connection: Connection) -> None:
    """Its state would be in every poll and in /metrics, and nothing would ever take it away."""
    for number in range(20):
        for action in Action:
            with pytest.raises(UnknownScopeError, match=f"no customer 'nobody-{number}'"):
                await decide(connection, Command(action, scope=f"nobody-{number}"), "http")
    for table in ("control_state", "control_commands"):
        kept = await connection.execute(f"SELECT count(*) FROM {table} WHERE scope <> 'global'".encode())
        assert await kept.fetchone() == (0,)
