"""What PostgreSQL refuses is sorted: an outage, after which the same is asked again, or poison in what it was given."""

import psycopg
import pytest
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from sendoff_db.failures import describe, is_outage, outages_as_unavailable
from sendoff_db.pool import Connection
from sendoff_domain.errors import SettingsError, UnavailableError

OUTAGES = """
    08000 08003 08006 08P01 0A000 25001 25006 25P01 25P02 25P03 25P04 26000 28000 28P01 34000 3D000 3F000 40001 40003
    40P01 42501 42601 42703 42804 42883 42P01 42P05 53000 53100 53200 53300 53400 55000 55006 55P03 55P04 57000 57014
    57P01 57P02 57P03 57P04 57P05 58000 58030 58P01 72000 F0000 HV000 QQ001
"""
POISON = """
    21000 22000 22001 22003 22008 22021 22P02 22P05 23000 23502 23503 23505 23514 23P01 44000 54000 54001 P0000 P0001
    P0002 P0004 XX000 XX001 XX002
"""


async def raised(connection: Connection, sqlstate: str) -> psycopg.Error:
    """The error that the driver makes of a SQLSTATE which the server sends."""
    statement = f"DO $$ BEGIN RAISE EXCEPTION 'the value 4711' USING ERRCODE = '{sqlstate}'; END $$"
    with pytest.raises(psycopg.Error) as caught:
        await connection.execute(statement.encode())
    return caught.value


async def test_every_class_of_sqlstate_is_an_outage_or_poison(connection: Connection) -> None:
    outages, poison = OUTAGES.split(), POISON.split()
    found = {state: is_outage(await raised(connection, state)) for state in outages + poison}
    assert [state for state, outage in found.items() if outage] == outages
    assert [state for state, outage in found.items() if not outage] == poison


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("the connection is lost"),
        psycopg.InterfaceError("cursor is closed"),
        PoolTimeout("none is free"),
        PoolClosed("the pool is closed"),
        TooManyRequests("many wait"),
        TimeoutError("of asyncio.timeout"),
        ConnectionResetError("by peer"),
        EOFError("the stream has ended"),
        RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed"),
        UnavailableError("no answer"),
    ],
    ids=repr,
)
def test_a_connection_that_breaks_is_an_outage_whatever_the_client_raises(error: Exception) -> None:
    assert is_outage(error)


@pytest.mark.parametrize(
    "error",
    [
        psycopg.DataError("can't be adapted"),
        psycopg.ProgrammingError("a placeholder is missing"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
        KeyError("id"),
        RecursionError("a RuntimeError that is a mistake of ours"),
        NotImplementedError("another one"),
        SettingsError("wrong"),
    ],
    ids=repr,
)
def test_a_value_that_cannot_be_sent_is_no_outage(error: Exception) -> None:
    assert not is_outage(error)


async def test_outages_are_raised_as_unavailable_and_poison_as_it_is(connection: Connection) -> None:
    read_only, poison = await raised(connection, "25006"), await raised(connection, "22003")
    expected = pytest.raises(UnavailableError, match="PostgreSQL did not take deliveries: 25006 ReadOnlySqlTransaction")
    with expected, outages_as_unavailable("deliveries"):
        raise read_only
    with pytest.raises(psycopg.errors.NumericValueOutOfRange), outages_as_unavailable("deliveries"):
        raise poison


async def test_a_log_names_the_sqlstate_and_no_value_that_was_refused(connection: Connection) -> None:
    assert "4711" not in describe(await raised(connection, "22003"))
    assert describe(await raised(connection, "22003")).startswith("22003 ")
    assert describe(KeyError("4711")) == "KeyError"
