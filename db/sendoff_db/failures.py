"""What an error of PostgreSQL means: an outage, after which the same is to be asked again, or poison in what it got."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import psycopg

from sendoff_domain.errors import UnavailableError, is_lost_connection

#: The classes of SQLSTATE (PostgreSQL documentation, appendix A) that blame the rows or values: cardinality, data,
#: integrity, a check option, a size that no row may have, an exception of PL/pgSQL, and an internal error, which
#: a damaged row causes too.
_POISON = frozenset({"21", "22", "23", "44", "54", "P0", "XX"})

#: What a server says that goes down or was demoted, and one that does not know what another had prepared (behind a
#: pooler that has moved on): of no connection to it more can be hoped. Beside these the class 08.
_ENDINGS = frozenset({"25006", "26000", "42P05", "57P01", "57P02", "57P03"})


def is_outage(error: BaseException) -> bool:
    """Whether the server, the connection or the schema is to blame, so that the same may work on another connection.

    Everything is an outage but the classes that blame what was to be read or written: a server that is away, full,
    read-only or shutting down, a lost prepared statement, a lock, a missing table or privilege. What is no error of
    a server, such as a value that can't be sent, is none.
    """
    if isinstance(error, psycopg.Error) and error.sqlstate is not None:
        return error.sqlstate[:2] not in _POISON
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | UnavailableError) or (
        is_lost_connection(error)
    )


def ends_connections(error: psycopg.Error) -> bool:
    """Whether the server has gone, takes no writes any more, or is another one, so that all leave it and look anew."""
    return error.sqlstate is not None and (error.sqlstate in _ENDINGS or error.sqlstate.startswith("08"))


def is_rolled_back(error: BaseException) -> bool:
    """Whether this is an outage that the server itself has reported, so that what was asked has changed nothing.

    Without a report, and with those that do not know, a commit may have happened although its answer was lost.
    """
    if not isinstance(error, psycopg.Error) or error.sqlstate is None:
        return False
    return is_outage(error) and error.sqlstate[:2] != "08" and error.sqlstate not in ("40003", "57P02")


@contextmanager
def outages_as_unavailable(what: str) -> Iterator[None]:
    """Raise UnavailableError in place of an outage while `what` is asked of PostgreSQL; poison passes as it is."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  it is raised again
        raise_for(error, what)


def raise_for(error: Exception, what: str) -> NoReturn:
    """Raise UnavailableError for an outage that came while `what` was asked; what is none is raised as it is."""
    if isinstance(error, UnavailableError) or not is_outage(error):
        raise error
    raise UnavailableError(f"PostgreSQL did not take {what}: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """What a log may say of an error: its SQLSTATE and class, and what it says unless that may quote a value."""
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    name = f"{state} {type(error).__name__}" if state else type(error).__name__
    return f"{name}: {str(error).partition(chr(10))[0][:200]}" if is_outage(error) else name
