"""A connection to PostgreSQL that waits for nothing without end, and that is left when its server is of no use."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import _WaitTimeout
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.waiting import wait_async

from sendoff_config.settings import PostgresSettings
from sendoff_db.failures import ends_connections

T = TypeVar("T")

#: How long connecting may take, with several hosts for each of them (seconds).
_CONNECT_SECONDS, _CONNECT_SECONDS_OF_EACH = 5, 3
#: Beyond the limits of libpq, which know nothing of the name service: for all hosts together (seconds).
_LONGEST_CONNECT = 30.0
#: How long a server may take to confirm that it has given up a statement (seconds).
_LONGEST_CANCEL = 1.0
_INTERVAL = 0.1  # psycopg's own

#: What text means, how values are written, and what a statement outside of a transaction is one of.
_SETTINGS = {
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
}
_AGREE = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SETTINGS.items())

log = structlog.get_logger("sendoff.db")


class BoundedConnection(AsyncConnection[TupleRow]):
    """Is closed when an answer is overdue for `patience` seconds; the wait then ends with psycopg.OperationalError.

    A network that swallows packets, a server that stands still, and a proxy whose other side is gone look alike from
    here: nothing comes. The kernel's limits see the first of them only, and see nothing on Unix sockets. `on_leaving`
    is called when the server has gone, was demoted, or does not know what was prepared.
    """

    patience: float = 5.0
    on_leaving: Callable[[], Awaitable[None]] | None = None

    @classmethod
    async def connect(cls, conninfo: str = "", **kwargs: Any) -> "BoundedConnection":
        """Connect as psycopg does, within 30 s whatever the name service does; the session reads and writes as ours."""
        try:
            async with asyncio.timeout(_LONGEST_CONNECT):
                connection = await super().connect(conninfo, **kwargs)
                await connection._agree()
                return connection
        except TimeoutError:
            raise psycopg.OperationalError(f"no connection within {_LONGEST_CONNECT:g} s") from None

    async def _agree(self) -> None:
        """Set whatever changes what is read or meant, should the database or the role have it otherwise."""
        try:
            await self.execute(f"SELECT {_AGREE}".encode(), prepare=False)
        except BaseException:
            self.pgconn.finish()
            raise

    async def wait(self, gen: PQGen[T], interval: float = _INTERVAL, timeout: float | None = None) -> T:
        """Wait as psycopg does, but not beyond `patience`, nor long for the end of what is cancelled."""
        try:
            return await self._wait_patiently(gen, interval, timeout)
        except asyncio.CancelledError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                await self._call_off(gen)
            raise
        except psycopg.Error as error:
            if ends_connections(error):
                self.pgconn.finish()
            raise
        finally:
            if self.closed and self.on_leaving is not None:
                await self.on_leaving()

    async def _wait_patiently(self, gen: PQGen[T], interval: float, timeout: float | None) -> T:
        longest = self.patience if timeout is None else timeout
        try:
            return await wait_async(gen, self.pgconn.socket, interval=interval, timeout=longest)
        except _WaitTimeout:
            if timeout is not None:  # the caller's own
                raise
            log.warning("a connection is given up, PostgreSQL does not answer on it", patience=longest)
            self.pgconn.finish()
            raise psycopg.OperationalError(f"PostgreSQL did not answer within {longest:g} s") from None

    async def _call_off(self, gen: PQGen[T]) -> None:
        """Ask the server to give up the statement; the connection is closed when that is not confirmed soon."""
        try:
            await self.cancel_safe(timeout=_LONGEST_CANCEL)
            await wait_async(gen, self.pgconn.socket, interval=_INTERVAL, timeout=_LONGEST_CANCEL)
        except psycopg.errors.QueryCanceled:
            pass  # as asked for
        except BaseException as error:
            self.pgconn.finish()
            if not isinstance(error, Exception):
                raise


@contextlib.contextmanager
def patience(connection: AsyncConnection[TupleRow], seconds: float) -> Iterator[None]:
    """Allow each statement in the block `seconds`, for work that takes long without anything being wrong."""
    if not isinstance(connection, BoundedConnection):
        yield
        return
    before, connection.patience = connection.patience, seconds
    try:
        yield
    finally:
        connection.patience = before


async def connect(settings: PostgresSettings, name: str) -> BoundedConnection:
    """One autocommit connection without prepared statements, for a command; raises psycopg.Error."""
    connection = await BoundedConnection.connect(
        connection_info(settings, name), autocommit=True, prepare_threshold=None
    )
    connection.patience = settings.timeout.total_seconds()
    return connection


def connection_info(settings: PostgresSettings, name: str) -> str:
    """What libpq is told: the address with limits for whatever it does not set itself.

    Of several hosts the one that takes writes is chosen. Raises psycopg.ProgrammingError for an address that libpq
    does not understand. Unix sockets have none of TCP's limits, and macOS has no `tcp_user_timeout`; libpq then ignores
    them.
    """
    given = conninfo_to_dict(settings.url or "")
    limits: dict[str, Any] = {
        "connect_timeout": _CONNECT_SECONDS,
        "tcp_user_timeout": round(settings.timeout.total_seconds() * 1000),
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
    }
    if "," in str(given.get("host", "")):
        limits |= {"connect_timeout": _CONNECT_SECONDS_OF_EACH, "target_session_attrs": "read-write"}
    return make_conninfo("", **{**limits, **given, "client_encoding": "UTF8", "application_name": f"sendoff {name}"})
