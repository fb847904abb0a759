"""Statements are run from their files, and their rows can be made by the names of their columns."""

from dataclasses import dataclass

import pytest

from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all_as, fetch_one, read_statement, run

PACKAGE = "sendoff_intake.moves"
LOCK = {"lock": 4711}


@dataclass(frozen=True)
class Locked:
    pg_advisory_xact_lock_shared: str


@dataclass(frozen=True)
class Stranger:
    other: str


def test_a_statement_is_read_without_its_comment() -> None:
    assert read_statement(PACKAGE, "lock_bodies") == b"SELECT pg_advisory_xact_lock_shared(%(lock)s)"


def test_a_statement_that_does_not_exist_is_no_empty_statement() -> None:
    with pytest.raises(FileNotFoundError):
        read_statement(PACKAGE, "no_such_statement")


async def test_rows_are_made_by_the_names_of_their_columns(connection: Connection) -> None:
    assert await fetch_all_as(connection, PACKAGE, "lock_bodies", LOCK, kind=Locked) == [Locked("")]


async def test_a_column_that_is_no_field_is_refused(connection: Connection) -> None:
    with pytest.raises(TypeError, match="pg_advisory_xact_lock_shared"):
        await fetch_all_as(connection, PACKAGE, "lock_bodies", LOCK, kind=Stranger)


async def test_no_row_is_none_and_no_change_is_zero(connection: Connection) -> None:
    assert (
        await fetch_one(connection, "sendoff_http.dead_letters", "read_dead_letter", {"id": None, "customer": None})
        is None
    )
    assert await run(connection, PACKAGE, "delete_dead_letters", {"ids": [], "customer": None}) == 0
