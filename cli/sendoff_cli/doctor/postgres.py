"""PostgreSQL: reachable, new enough, migrated, and how far its clock is from ours."""

import time
from collections.abc import AsyncIterator

from sendoff_cli.database import connected
from sendoff_cli.doctor.encryption import check_stored_keys
from sendoff_cli.doctor.finding import Finding, fail, ok, warn
from sendoff_config.settings import Settings
from sendoff_db.clock import DatabaseClock
from sendoff_db.migrator import pending
from sendoff_db.pool import Connection
from sendoff_domain.errors import EncodingError, MigrationError, SendoffError

_OLDEST = 150000
_CLOCK_SAMPLES = 3
_CLOCK_TOLERANCE = 1.0


async def check_postgres(settings: Settings) -> AsyncIterator[Finding]:
    """The findings of a server that has an address."""
    try:
        async with connected(settings.postgres) as connection:
            yield _version(connection.info.server_version)
            if read_only := await _read_only(connection):
                yield read_only
            migrations = await _migrations(connection)
            yield migrations
            if migrations.level == "ok":
                yield await check_stored_keys(connection, settings)
            yield await _clock(connection)
    except SendoffError as error:
        yield fail("postgres", str(error), "start PostgreSQL, or correct postgres.url")


def _version(number: int) -> Finding:
    shown = f"PostgreSQL {number // 10000}.{number % 10000}"
    if number < _OLDEST:
        return fail("postgres", f"{shown} is too old", "use PostgreSQL 15 or newer")
    return ok("postgres", shown)


async def _read_only(connection: Connection) -> Finding | None:
    """A finding for a standby, or a server that was made read-only."""
    cursor = await connection.execute(b"SHOW transaction_read_only")
    if await cursor.fetchone() == ("off",):
        return None
    advice = "let postgres.url name the primary, or all hosts: docs/failover.md"
    return fail("postgres", "the server takes no writes: it is a standby, or was made read-only", advice)


async def _migrations(connection: Connection) -> Finding:
    try:
        missing = await pending(connection)
    except EncodingError as error:
        return fail("encoding", str(error), "make such a database, and let postgres.url name it")
    except MigrationError as error:
        return fail("migrations", str(error), "use the version of Sendoff that made this database")
    if missing:
        return warn("migrations", f"the database lacks {', '.join(missing)}", "run `sendoff migrate`")
    return ok("migrations", "the database is up to date")


async def _clock(connection: Connection) -> Finding:
    clock = DatabaseClock()
    for _ in range(_CLOCK_SAMPLES):
        await clock.sample(connection)
    offset = clock.now() - time.time()
    shown = (
        f"the database's clock is {abs(offset) * 1000:.0f} ms {'ahead of' if offset > 0 else 'behind'} this machine's"
    )
    if abs(offset) > _CLOCK_TOLERANCE:
        return warn("clock", shown, "messages are due by the database's clock: let both follow NTP")
    return ok("clock", shown)
