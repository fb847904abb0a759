"""The command's own connection to PostgreSQL, and the schema that everything else needs."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import psycopg

from sendoff_cli.waiting import wait_out
from sendoff_config.settings import PostgresSettings, Settings
from sendoff_control.seed import seed_state
from sendoff_db.bounded_connection import connect
from sendoff_db.bounded_connection import patience as allowing
from sendoff_db.migrator import migrate, pending
from sendoff_db.pool import Connection
from sendoff_domain.errors import SendoffError, UnavailableError
from sendoff_webhooks.keys.encryption import new_key_cipher
from sendoff_webhooks.keys.reencryption import reencrypt
from sendoff_webhooks.seed import seed

_RETRY_SECONDS = 0.5
#: A migration, or the wait for the one of another instance (seconds).
_LONGEST_MIGRATION = 3600.0

Say = Callable[[str], None]


@asynccontextmanager
async def connected(settings: PostgresSettings) -> AsyncIterator[Connection]:
    """A connection for the block.

    Raises UnavailableError when PostgreSQL does not answer or refuses us, and SendoffError for what fails inside.
    """
    connection = await _connect(settings)
    try:
        async with connection:
            yield connection
    except psycopg.Error as error:
        raise SendoffError(f"PostgreSQL: {_first_line(error)}") from error


@asynccontextmanager
async def connected_within(settings: PostgresSettings, patience: float, say: Say) -> AsyncIterator[Connection]:
    """A connection for the block, once the server lets us in: one that is only just starting is waited for.

    Raises what `connected` raises, UnavailableError only after `patience` seconds.
    """
    if reason := await _why_unreachable(settings):
        say(f"{reason}; trying again for {patience:g} s")
        await wait_out(partial(_why_unreachable, settings), patience, _RETRY_SECONDS)
    async with connected(settings) as connection:
        yield connection


async def prepare_database(settings: Settings, patience: float, say: Say, *, seal_plain: bool = False) -> list[str]:
    """Bring the schema and the seals up to date, and write what the configuration says; returns the new migrations.

    What is stored plain is sealed only if `seal_plain` says so.
    """
    async with connected_within(settings.postgres, patience, say) as connection:
        with allowing(connection, _LONGEST_MIGRATION):
            applied = await migrate(connection)
            await seed_state(connection, settings.scheduler)
            await seed(connection, settings)
            key_cipher = new_key_cipher(settings.security)
            reencrypted = await reencrypt(connection, key_cipher, seal_plain=seal_plain)
    if reencrypted.count:
        say(f"secrets that were sealed anew with the first encryption key: {reencrypted.count}")
    if reencrypted.undecryptable:
        say(f"secrets that do not open, so that the messages of their customers are held: {reencrypted.undecryptable}")
        say(f"the first of them: {reencrypted.error}")
    return applied


async def wait_for_schema(settings: Settings, patience: float, say: Say) -> None:
    """Wait until the schema is up to date; raises UnavailableError when it is not after `patience` seconds."""
    async with connected_within(settings.postgres, patience, say) as connection:
        if missing := await pending(connection):
            say(f"the database lacks {', '.join(missing)}: waiting for `sendoff migrate`")
        if await wait_out(partial(pending, connection), patience, _RETRY_SECONDS):
            raise UnavailableError("the database is not migrated: run `sendoff migrate`")


async def _why_unreachable(settings: PostgresSettings) -> str | None:
    """Why the server does not let us in now, or None if it does."""
    try:
        await (await _connect(settings)).close()
    except UnavailableError as error:
        return str(error)
    return None


async def _connect(settings: PostgresSettings) -> Connection:
    if settings.url is None:
        raise SendoffError(
            "postgres.url is not set, and no embedded server runs: start `sendoff up`, or set the address"
        )
    try:
        return await connect(settings, "command")
    except psycopg.OperationalError as error:
        raise UnavailableError(f"PostgreSQL does not let us in: {_first_line(error)}") from None
    except psycopg.Error:  # it quotes the address, which holds the password
        raise SendoffError("postgres.url: expected postgresql://user:password@host:port/database") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
