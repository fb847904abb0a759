"""Messages straight into the tables: what was accepted long ago is simply there when a figure begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from sendoff_db.sql import read_statement

#: With the rest of the body about 280 bytes.
CONTENT = (
    "Your parcel will be delivered today between 14:00 and 16:00. Follow it at https://parcels.example.org/4711 or "
    "choose another day there until noon."
)
#: How long before the first due time the messages are committed (seconds), and how many rows a second surely get in.
_LEAD = 2.0
_SLOWEST_INSERT = 15_000
_DEFAULT = ("default",)


@dataclass(frozen=True, slots=True)
class Planned:
    """One message: its public id, when it is due (Unix seconds), and the body of its request."""

    id: str
    due_at: float
    body: str


def insert_due(db: psycopg.Connection[Any], count: int, customers: Sequence[str] = _DEFAULT) -> list[Planned]:
    """Insert messages that are due at once."""
    return _insert(db, count, datetime.now(UTC), timedelta(0), customers)


def insert_ahead(
    db: psycopg.Connection[Any], count: int, rate: float, customers: Sequence[str] = _DEFAULT
) -> list[Planned]:
    """Insert messages that fall due at that rate (per second), the first one about two seconds after the commit.

    The customers get them in turn.
    """
    lead = timedelta(seconds=_LEAD + count / _SLOWEST_INSERT)
    while True:
        start = datetime.now(UTC) + lead
        with db.transaction() as transaction:
            planned = _insert(db, count, start, timedelta(seconds=1 / rate), customers)
            if datetime.now(UTC) < start - timedelta(seconds=_LEAD / 2):
                return planned
            lead *= 2  # the machine is slower than thought: a message must not be late before it is there
            raise psycopg.Rollback(transaction)


def refresh(db: psycopg.Connection[Any]) -> None:
    """Vacuum and analyze, as autovacuum does a few seconds later in the midst of a round."""
    db.execute(b"VACUUM (ANALYZE) due, messages, deliveries, retries")


def plan_ahead(count: int, rate: float) -> list[Planned]:
    """The same messages without a database, for bare code: due times are seconds from its start."""
    ids = [f"msg_{number:032x}" for number in range(count)]
    rest = f'","to":"+4915112345678","content":"{CONTENT}","metadata":{{"campaign":"spring"}}}}'
    return [Planned(id, number / rate, f'{{"id":"{id}{rest}') for number, id in enumerate(ids)]


def _insert(
    db: psycopg.Connection[Any], count: int, start: datetime, step: timedelta, customers: Sequence[str]
) -> list[Planned]:
    values = {"count": count, "start": start, "step": step, "content": CONTENT, "customers": list(customers)}
    return [Planned(*row) for row in db.execute(read_statement("bench", "insert_backlog"), values)]
