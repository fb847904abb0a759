"""Brings the schema up to date: numbered, forward-only `.sql` files, each applied once under an advisory lock."""

import hashlib
from importlib import resources

from psycopg import errors

from sendoff_db.locks import MIGRATIONS
from sendoff_db.pool import Connection
from sendoff_domain.errors import EncodingError, MigrationError

#: Every released version's first migration is the first one here, so a database without it is older than all of them.
_UNRELEASED = (
    "the database was made by an unreleased version of Sendoff, and its schema cannot be brought up to date: read what"
    " you still need with that version, then remove the data folder (.sendoff, unless --data named another) or, on a"
    " server of your own, drop the database, and start anew"
)


def available() -> dict[str, bytes]:
    """Every migration of this version: name to statement text, in order."""
    folder = resources.files("sendoff_db").joinpath("migrations")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return {file.name.removesuffix(".sql"): file.read_bytes() for file in files}


def require_utf8(connection: Connection) -> None:
    """Raise EncodingError unless the database can hold every text, and nothing but text."""
    encoding = (connection.pgconn.parameter_status(b"server_encoding") or b"UTF8").decode()
    if encoding != "UTF8":
        raise EncodingError(
            f"the database's encoding is {encoding}: Sendoff needs one that was made with"
            " ENCODING 'UTF8' (CREATE DATABASE sendoff ENCODING 'UTF8' TEMPLATE template0)"
        )


async def migrate(connection: Connection) -> list[str]:
    """Apply what is missing and return its names; safe when several instances start at once.

    The lock is a transaction's lock, so that it works through PgBouncer. All or nothing: a failure leaves the schema
    as it was. Raises MigrationError if an applied migration is not the one of this version, or for another encoding.
    """
    require_utf8(connection)
    async with connection.transaction():
        await connection.execute(b"SELECT pg_advisory_xact_lock(%s)", (MIGRATIONS,))
        await connection.execute(
            b"CREATE TABLE IF NOT EXISTS migrations"
            b" (name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        missing = await _missing(connection)
        for name in missing:
            await connection.execute(available()[name])
            await connection.execute(
                b"INSERT INTO migrations (name, digest) VALUES (%s, %s)", (name, _digest(available()[name]))
            )
    return missing


async def pending(connection: Connection) -> list[str]:
    """The names of the migrations that the database lacks.

    Raises MigrationError if the database was made by another version, or its encoding is not UTF8.
    """
    require_utf8(connection)
    try:
        return await _missing(connection)
    except errors.UndefinedTable:
        return list(available())


async def _missing(connection: Connection) -> list[str]:
    cursor = await connection.execute(b"SELECT name, digest FROM migrations")
    applied: dict[str, str] = dict(await cursor.fetchall())
    known = available()
    if applied and next(iter(known)) not in applied:
        raise MigrationError(_UNRELEASED)
    for name, digest in applied.items():
        if name not in known:
            raise MigrationError(
                f"the database has migration {name}, which this version does not know: upgrade Sendoff"
            )
        if _digest(known[name]) != digest:
            raise MigrationError(f"migration {name} was changed after it had been applied")
    return [name for name in known if name not in applied]


def _digest(statement: bytes) -> str:
    return hashlib.sha256(statement).hexdigest()
