"""Statements live in `.sql` files beside the code that runs them, one each, named by a verb."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from psycopg import AsyncCursor
from psycopg.rows import kwargs_row

from sendoff_db.failures import raise_for
from sendoff_db.pool import Connection, Pool

Row = tuple[Any, ...]
Kind = TypeVar("Kind")


@cache
def read_statement(package: str, name: str) -> bytes:
    """The text of `<name>.sql` in that package, without its comment lines.

    It is bytes because psycopg refuses strings that a type checker cannot prove to be literals.
    Raises FileNotFoundError for a statement that does not exist.
    """
    text = resources.files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--")).strip().encode()


async def fetch_all(
    connection: Connection, package: str, name: str, values: Mapping[str, Any] | None = None, *, binary: bool = False
) -> list[Row]:
    """Run `<name>.sql` of that package and return all its rows; none if the statement returns nothing."""
    cursor = await connection.execute(read_statement(package, name), values, binary=binary)
    return await cursor.fetchall() if cursor.description else []


async def ask(pool: Pool, package: str, name: str, values: Mapping[str, Any] | None = None) -> list[Row]:
    """Run `<name>.sql` of that package on a connection of its own and return all its rows.

    Raises UnavailableError after an outage, and psycopg.Error for poison.
    """
    try:
        async with pool.connection() as connection:
            return await fetch_all(connection, package, name, values)
    except Exception as error:  # noqa: BLE001  it is raised again
        raise_for(error, name)


async def fetch_all_as(
    connection: Connection,
    package: str,
    name: str,
    values: Mapping[str, Any] | None = None,
    *,
    kind: Callable[..., Kind],
) -> list[Kind]:
    """Run `<name>.sql` of that package and return what `kind` makes of each row, whose columns it gets by name.

    Raises TypeError for a column that `kind` does not take, and for one that it misses.
    """
    async with connection.cursor(row_factory=kwargs_row(kind)) as cursor:
        await cursor.execute(read_statement(package, name), values)
        return await cursor.fetchall()


async def fetch_one(
    connection: Connection, package: str, name: str, values: Mapping[str, Any] | None = None
) -> Row | None:
    """Run `<name>.sql` of that package and return its first row, or None if there is none."""
    cursor = await connection.execute(read_statement(package, name), values)
    return await cursor.fetchone()


async def run(connection: Connection, package: str, name: str, values: Mapping[str, Any] | None = None) -> int:
    """Run `<name>.sql` of that package and return how many rows it touched."""
    cursor = await connection.execute(read_statement(package, name), values)
    return cursor.rowcount


async def walk_indexes(connection: Connection) -> None:
    """Have the statements of this transaction walk along an index; a pipeline is a transaction, too.

    For a hot table a plan that was made while it was empty stays: it walks the whole table later, or gathers a bitmap
    of all that has gone since the last vacuum, again and again, where a walk along the index forgets that.
    """
    await run(connection, __package__, "walk_indexes")


async def run_in_index_order(
    connection: Connection, package: str, name: str, values: Mapping[str, Any] | None = None
) -> "AsyncCursor[Row]":
    """Run `<name>.sql` of that package as `walk_indexes` says, in one round trip; the cursor has its rows."""
    async with connection.pipeline():
        await walk_indexes(connection)
        return await connection.execute(read_statement(package, name), values)


async def ask_in_index_order(pool: Pool, package: str, name: str, values: Mapping[str, Any] | None = None) -> list[Row]:
    """Run `<name>.sql` of that package as `walk_indexes` says, on a connection of its own, and return all its rows.

    Raises UnavailableError after an outage, and psycopg.Error for poison.
    """
    try:
        async with pool.connection() as connection:
            return await (await run_in_index_order(connection, package, name, values)).fetchall()
    except Exception as error:  # noqa: BLE001  it is raised again
        raise_for(error, name)
