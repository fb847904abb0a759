"""A store of messages on a real database, without a process around it."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from sendoff_config.metrics.customer_labels import CustomerLabels
from sendoff_config.settings import PartitionSettings, PostgresSettings
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Pool, open_pool
from sendoff_intake.accepted_messages import AcceptedMessages
from sendoff_intake.group_commit import GroupCommit
from sendoff_intake.store import MessageStore, WakeUp
from sendoff_intake.submission import NewMessage, Submission
from sendoff_intake.submission_reader import SubmissionReader


@dataclass
class Intake:
    """The parts that take messages in, what they count and how often they woke the workers."""

    pool: Pool
    store: MessageStore
    group_commit: GroupCommit
    counter: AcceptedMessages
    hints: list[float]

    @property
    def accepted(self) -> float:
        """How many messages were counted as accepted."""
        return self.counter.total

    async def scalar(self, statement: str) -> Any:
        """The first column of the first row."""
        async with self.pool.connection() as connection:
            row = await (await connection.execute(statement.encode())).fetchone()
        return None if row is None else row[0]

    async def execute(self, statement: str) -> None:
        """Run a statement that answers nothing."""
        async with self.pool.connection() as connection:
            await connection.execute(statement.encode())


@pytest.fixture
async def intake(sendoff_database: str) -> AsyncIterator[Intake]:
    """An intake on a new database; what is still pending at the end of the test is flushed."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(PostgresSettings(url=sendoff_database), "test"))
        clock, hints = DatabaseClock(), list[float]()
        async with pool.connection() as connection:
            await clock.sample(connection)
        counter = AcceptedMessages(CustomerLabels(100))
        wake_up = WakeUp(clock, lambda: hints.append(time.monotonic()))
        store = MessageStore(pool=pool, partitions=PartitionSettings(), wake_up=wake_up, accepted=counter)
        group_commit = GroupCommit(store)
        stack.push_async_callback(group_commit.close)
        yield Intake(pool, store, group_commit, counter, hints)


def submit(key: str | None = None, **fields: Any) -> Submission:
    """The submission of a message to the default customer."""
    text = json.dumps({"to": "jane", "content": "hello", **fields}).encode()
    submission = SubmissionReader(time.time).read(text, key)
    assert isinstance(submission, Submission), submission
    return submission


def unstorable() -> Submission:
    """A submission that no reader makes: PostgreSQL cannot hold its recipient."""
    good = submit()
    message = NewMessage("jane\0", "default", None, None, None, {})
    return Submission(good.hex_id, message, good.payload, None, None)
