"""A process that is frozen while it has the lock of claims and stops: the others go on without it."""

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

import psycopg
import pytest

from sendoff_actors.claimer.claim_limits import find_limited, read_claim_limits
from sendoff_control.authority import decide
from sendoff_db.locks import CLAIMS
from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.control import Action, Command, CommandStatus
from support import claiming_process
from support.messages import accept
from support.waiting import eventually

SHARE = read_statement("sendoff_actors.claimer", "share_claim_lock")
HOLDERS = b"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid::bigint = %s AND granted"
#: What an API process grants a command (`member._COMMAND_TIMEOUT`).
IN_TIME = 3.0


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        yield connection


@contextmanager
def claiming_beside(url: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that claims and gives back without end."""
    process = subprocess.Popen([sys.executable, claiming_process.__file__, url], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def count(connection: Connection, statement: bytes, *values: object) -> int:
    row = await (await connection.execute(statement, values)).fetchone()
    assert row is not None
    return int(row[0])


async def freeze_in_a_claim(process: "subprocess.Popen[bytes]", connection: Connection) -> None:
    """Freeze the process at a moment when the server has the lock of its claim, and can't go on without it."""

    async def has_lock() -> bool:
        process.send_signal(signal.SIGCONT)
        await asyncio.sleep(random.uniform(0.001, 0.05))
        process.send_signal(signal.SIGSTOP)
        return not await is_free(connection)

    await eventually(has_lock, "the process is frozen within a claim", timeout=60, every=0)


async def is_free(connection: Connection) -> bool:
    """Whether the lock of claims is free within a second, in which a server that needs nobody's answer is done."""
    for _ in range(50):
        if await count(connection, HOLDERS, CLAIMS) == 0:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_stop_is_decided_although_a_worker_is_frozen_within_a_claim(sendoff_database: str) -> None:
    """Its messages are so large that no buffer takes them: the server waits for the worker to read on."""
    async with connected(sendoff_database) as connection:
        await accept(connection, 300)
        await connection.execute(b"UPDATE messages SET payload = repeat('x', 65536)")
        with claiming_beside(sendoff_database) as process:
            await freeze_in_a_claim(process, connection)
            async with asyncio.timeout(IN_TIME):
                decision = await decide(connection, Command(Action.STOP), "http")
            assert decision.status is CommandStatus.ACCEPTED

            process.send_signal(signal.SIGCONT)
            claims = b"SELECT count(*) FROM due WHERE token > 0 AND holder IS NOT NULL"
            for _ in range(10):
                assert await count(connection, claims) == 0, "claimed after the stop"
                await asyncio.sleep(0.05)


async def test_what_a_claim_did_is_undone_with_it(sendoff_database: str) -> None:
    async with (
        connected(sendoff_database) as connection,
        await psycopg.AsyncConnection.connect(sendoff_database) as frozen,
    ):
        await accept(connection)
        await frozen.execute(SHARE, {"lock": CLAIMS})
        await frozen.execute(b"UPDATE due SET holder = 'frozen', token = token + 1")
        async with asyncio.timeout(IN_TIME):
            await decide(connection, Command(Action.STOP), "http")
        with pytest.raises(psycopg.OperationalError):
            await frozen.execute(b"SELECT 1")
        assert await count(connection, b"SELECT count(*) FROM due WHERE holder IS NULL AND token = 0") == 1


async def test_a_claim_that_is_frozen_does_not_keep_the_rows_that_it_has_locked(sendoff_database: str) -> None:
    """Here the limits of a customer with a concurrency, before the claim has begun."""
    async with (
        connected(sendoff_database) as connection,
        await psycopg.AsyncConnection.connect(sendoff_database) as frozen,
    ):
        await connection.execute(b"UPDATE customers SET concurrency = 1")
        limited = await find_limited(frozen, ["default"])
        await read_claim_limits(frozen, limited, timedelta(seconds=1))
        async with asyncio.timeout(10):
            await connection.execute(b"UPDATE customers SET concurrency = 2")
        await frozen.close()


async def test_a_command_that_is_frozen_holds_up_neither_commands_nor_claims(sendoff_database: str) -> None:
    """A process that has decided something but not committed it: its transaction ends without it."""
    async with (
        connected(sendoff_database) as connection,
        connected(sendoff_database) as claimer,
        await psycopg.AsyncConnection.connect(sendoff_database) as frozen,
    ):
        values = {"lock": CLAIMS, "patience": "500ms", "idle": "1s"}
        await frozen.execute(read_statement("sendoff_control", "take_claim_lock"), values)
        async with asyncio.timeout(IN_TIME):
            await claimer.execute(SHARE, {"lock": CLAIMS})
            decision = await decide(connection, Command(Action.STOP), "http")
        assert decision.status is CommandStatus.ACCEPTED
        await frozen.close()


@pytest.mark.timeout(300)
async def test_a_worker_that_is_frozen_at_any_moment_holds_up_no_command(sendoff_database: str) -> None:
    """Also between two writes of its claim to the socket, when the server has the lock and waits for the rest."""
    async with connected(sendoff_database) as connection:
        await accept(connection, 20)
        for number in range(15):
            with claiming_beside(sendoff_database) as process:
                await asyncio.sleep(random.uniform(0.001, 0.05))
                process.send_signal(signal.SIGSTOP)
                async with asyncio.timeout(IN_TIME):
                    await decide(connection, Command(Action.START if number % 2 else Action.STOP), "http")
                assert await is_free(connection), "the command has ended what held the lock"
