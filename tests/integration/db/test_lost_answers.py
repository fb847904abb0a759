"""An answer of PostgreSQL that does not come is not waited for, and all connections leave a server that won't do."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from sendoff_config.settings import PostgresSettings
from sendoff_db.bounded_connection import connect, connection_info, patience
from sendoff_db.pool import Connection, Pool, open_pool
from support.proxy import Proxy, open_proxy
from support.waiting import eventually

#: How long an answer is waited for, and far longer: whatever takes this long waits without end.
LIMIT, FOR_EVER = 0.5, 20.0


def settings_of(url: str) -> PostgresSettings:
    return PostgresSettings(url=url, timeout=timedelta(seconds=LIMIT))


@pytest.fixture
async def proxy(database: str) -> AsyncIterator[Proxy]:
    async with open_proxy(database) as proxy:
        yield proxy


@pytest.fixture
async def pool(proxy: Proxy) -> AsyncIterator[Pool]:
    async with open_pool(settings_of(proxy.url), "test") as pool:
        yield pool


async def backend(pool: Pool) -> int:
    """Ask on any connection; returns the process of the server that answers."""
    async with asyncio.timeout(FOR_EVER), pool.connection() as connection:
        return await backend_of(connection)


async def backend_of(connection: Connection) -> int:
    cursor = await connection.execute("SELECT pg_backend_pid()")
    return int((await cursor.fetchone() or (0,))[0])


async def fill(pool: Pool) -> set[int]:
    """Have all connections of the pool opened and idle; returns their processes."""
    async with AsyncExitStack() as stack:
        taken = [await stack.enter_async_context(pool.connection()) for _ in range(pool.max_size)]
        return {await backend_of(connection) for connection in taken}


async def all_are_new(pool: Pool, old: set[int]) -> None:
    async def are_new() -> bool:
        return not old & await fill(pool)

    await eventually(are_new, "every connection was replaced")


async def test_a_swallowed_connection_is_given_up_in_time_and_the_others_are_left_with_it(
    pool: Pool, proxy: Proxy
) -> None:
    old = await fill(pool)
    proxy.freeze()
    with pytest.raises(psycopg.OperationalError):
        await backend(pool)
    await all_are_new(pool, old)


async def test_a_backend_that_stands_still_is_given_up_in_time(pool: Pool) -> None:
    standing = await fill(pool)
    for process in standing:
        os.kill(process, signal.SIGSTOP)
    try:
        with pytest.raises(psycopg.OperationalError):
            await backend(pool)
        await all_are_new(pool, standing)
    finally:
        for process in standing:
            os.kill(process, signal.SIGCONT)


async def test_an_answer_within_a_transaction_that_is_swallowed_ends_it(pool: Pool, proxy: Proxy) -> None:
    async with failing(pool, psycopg.OperationalError) as connection, connection.transaction():
        await backend_of(connection)
        proxy.freeze()
        await backend_of(connection)
    assert await backend(pool)


async def test_a_wait_that_is_cancelled_ends_although_nothing_is_answered(pool: Pool, proxy: Proxy) -> None:
    await backend(pool)
    proxy.freeze()
    async with asyncio.timeout(5):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(LIMIT / 5), pool.connection() as connection:
                await connection.execute("SELECT 1")
    assert await backend(pool)


async def test_a_statement_that_is_cancelled_in_time_keeps_its_connection(pool: Pool) -> None:
    before = await fill(pool)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(LIMIT / 5), pool.connection() as connection:
            await connection.execute("SELECT pg_sleep(30)")
    assert await fill(pool) == before


async def test_the_same_holds_on_a_unix_socket(database: str, proxy: Proxy, tmp_path: Path) -> None:
    """The kernel's limits for TCP know nothing of it."""
    url = urlsplit(database)
    server = await asyncio.start_unix_server(proxy.forward, tmp_path / ".s.PGSQL.5432")
    address = f"postgresql://{url.username}:{url.password}@/{url.path[1:]}?host={tmp_path}"
    async with server, open_pool(settings_of(address), "test") as pool:
        await backend(pool)
        proxy.freeze()
        with pytest.raises(psycopg.OperationalError):
            await backend(pool)
        assert await backend(pool)
        await proxy.cut()


async def test_a_command_waits_no_longer_than_a_process(proxy: Proxy) -> None:
    async with await connect(settings_of(proxy.url), "test") as connection:
        proxy.freeze()
        with pytest.raises(psycopg.OperationalError):
            async with asyncio.timeout(FOR_EVER):
                await backend_of(connection)


async def test_work_that_takes_long_is_allowed_its_time(pool: Pool) -> None:
    async with pool.connection() as connection:
        with patience(connection, FOR_EVER):
            await connection.execute("SELECT pg_sleep(%s)", (3 * LIMIT,))
        with pytest.raises(psycopg.OperationalError):
            await connection.execute("SELECT pg_sleep(%s)", (FOR_EVER,))


@asynccontextmanager
async def failing(pool: Pool, expected: type[psycopg.Error]) -> AsyncIterator[Connection]:
    with pytest.raises(expected):
        async with asyncio.timeout(FOR_EVER), pool.connection() as connection:
            yield connection


async def test_all_leave_a_server_that_takes_no_writes(pool: Pool) -> None:
    old = await fill(pool)
    async with failing(pool, psycopg.errors.ReadOnlySqlTransaction) as connection, connection.transaction():
        await connection.execute("SET TRANSACTION READ ONLY")  # what a demoted server's sessions are
        await connection.execute("CREATE TABLE anything ()")
    await all_are_new(pool, old)


async def test_all_leave_a_server_that_ends_a_session(pool: Pool, database: str) -> None:
    old = await fill(pool)
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as outside:
        await outside.execute("SELECT pg_terminate_backend(%s)", (min(old),))
    failures = 0
    while failures == 0:
        try:
            await fill(pool)
        except psycopg.OperationalError:
            failures += 1
    await all_are_new(pool, old)


async def test_a_connection_that_lost_its_prepared_statements_is_replaced(pool: Pool) -> None:
    """Behind a pooler that moved on to another server, psycopg's idea of what is prepared is wrong."""
    async with failing(pool, psycopg.errors.InvalidSqlStatementName) as connection:
        for _ in range(4):
            await connection.execute("SELECT %s::integer", (1,))
        await connection.execute("DEALLOCATE ALL", prepare=False)
        await connection.execute("EXECUTE gone", prepare=False)
    assert await backend(pool)


async def test_a_prepared_statement_of_another_session_is_no_obstacle(pool: Pool) -> None:
    async with failing(pool, psycopg.errors.DuplicatePreparedStatement) as connection:
        await connection.execute("PREPARE _pg3_0 AS SELECT 1", prepare=False)
        for _ in range(4):
            await connection.execute("SELECT %s::integer", (1,))
    async with pool.connection() as connection:
        for _ in range(4):
            await connection.execute("SELECT %s::integer", (1,))


def test_what_the_address_says_wins_over_our_limits() -> None:
    one = psycopg.conninfo.conninfo_to_dict(connection_info(settings_of("postgresql://h/d?connect_timeout=9"), "x"))
    assert (str(one["connect_timeout"]), str(one["tcp_user_timeout"])) == ("9", "500")
    assert "target_session_attrs" not in one
    several = settings_of("postgresql://u:p@one:5432,two:5433/d")
    found = psycopg.conninfo.conninfo_to_dict(connection_info(several, "x"))
    assert (found["host"], found["port"], found["target_session_attrs"]) == ("one,two", "5432,5433", "read-write")
    any_of_them = settings_of("postgresql://one,two/d?target_session_attrs=any")
    assert psycopg.conninfo.conninfo_to_dict(connection_info(any_of_them, "x"))["target_session_attrs"] == "any"
