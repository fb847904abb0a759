"""Databases that refuse what they are asked: one row, one table, or everything, with the SQLSTATE of one's choice."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql

from support.waiting import wait_until


@asynccontextmanager
async def refusing(
    db: AsyncConnection[Any], table: str, sqlstate: str, *, when: str = "true", on: str = "INSERT OR UPDATE OR DELETE"
) -> AsyncIterator[None]:
    """Until the block ends, each change of `table` for which `when` holds (of OLD or NEW) raises that SQLSTATE."""
    name = sql.Identifier(f"refuse_{table}")
    raising = f"BEGIN IF {when} THEN RAISE EXCEPTION 'refused' USING ERRCODE = '{sqlstate}'; END IF;"
    body = sql.Literal(raising + " IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END")
    await db.execute(sql.SQL("CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS {}").format(name, body))
    trigger = sql.SQL("CREATE TRIGGER refuse BEFORE {} ON {} FOR EACH ROW EXECUTE FUNCTION {}()")
    await db.execute(trigger.format(sql.SQL(on), sql.Identifier(table), name))
    try:
        yield
    finally:
        await _drop(db, sql.SQL("DROP FUNCTION {} CASCADE").format(name))


async def _drop(db: AsyncConnection[Any], statement: sql.Composed) -> None:
    """Drop what partitions have a trigger of; a change that is under way may take their locks in another order."""
    while True:
        try:
            await db.execute(statement)
        except psycopg.errors.DeadlockDetected:
            continue
        return


@contextmanager
def read_only(server: str) -> Iterator[None]:
    """Until the block ends nothing can be written on that server, as on a primary that was demoted."""
    with psycopg.connect(server, autocommit=True) as connection:
        _switch(connection, "ALTER SYSTEM SET default_transaction_read_only = on", "on")
        try:
            yield
        finally:
            _switch(connection, "ALTER SYSTEM RESET default_transaction_read_only", "off")


def _switch(connection: "psycopg.Connection[Any]", statement: str, expected: str) -> None:
    connection.execute(statement.encode())
    connection.execute(b"SELECT pg_reload_conf()")

    def is_switched() -> bool:
        return connection.execute(b"SHOW default_transaction_read_only").fetchone() == (expected,)

    wait_until(is_switched, f"default_transaction_read_only is {expected}")
