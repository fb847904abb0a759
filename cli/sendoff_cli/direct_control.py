"""Start, stop and status without an API: straight from PostgreSQL, which decides anyway."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

import msgspec
import redis
from psycopg import errors

from sendoff_cli.database import connected
from sendoff_cli.waiting import wait_out
from sendoff_config.settings import Settings
from sendoff_control.authority import decide
from sendoff_control.process_list import list_processes
from sendoff_control.protocol import announcement_of
from sendoff_control.status import ProcessStatus, fleet_status
from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.control import GLOBAL_SCOPE, Command, ControlState, Decision, Desired
from sendoff_domain.errors import SendoffError
from sendoff_http.fleet.model import describe_command, describe_fleet

_POLL_SECONDS = 0.1
_HINT_SECONDS = 1.0


async def command_directly(settings: Settings, command: Command, wait: timedelta | None) -> dict[str, Any]:
    """Commit the command, tell Redis, and return the document that the API would; the instances follow by themselves.

    Raises UnavailableError when PostgreSQL does not answer.
    """
    async with connected(settings.postgres) as connection:
        try:
            decision = await decide(connection, command, "cli")
        except errors.UndefinedTable:
            raise SendoffError("the database is not migrated: run `sendoff migrate`") from None
        await asyncio.to_thread(_announce, settings, decision)
        converged = None if wait is None else await _all_have_applied(connection, decision.state, wait)
    return describe_command(decision, converged)


async def read_fleet(settings: Settings) -> dict[str, Any]:
    """The fleet's document, as PostgreSQL knows it; raises UnavailableError when that does not answer."""
    async with connected(settings.postgres) as connection:
        try:
            cursor = await connection.execute(read_statement("sendoff_cli", "read_states"))
            states = [
                ControlState(scope, epoch, revision, Desired(desired))
                for scope, epoch, revision, desired in await cursor.fetchall()
            ]
            processes = await list_processes(connection)
        except errors.UndefinedTable:
            raise SendoffError("the database is not migrated: run `sendoff migrate`") from None
    found = next((state for state in states if state.scope == GLOBAL_SCOPE), None)
    if found is None:
        raise SendoffError("nothing was ever decided in this database: run `sendoff migrate`")
    return describe_fleet(fleet_status(states, found, processes, {"postgres": "up"}, is_confirmed=True))


async def _all_have_applied(connection: Connection, state: ControlState, wait: timedelta) -> bool:
    async def lagging() -> list[ProcessStatus]:
        return [process for process in await list_processes(connection) if not process.has_applied(state)]

    return not await wait_out(lagging, wait.total_seconds(), _POLL_SECONDS)


def _announce(settings: Settings, decision: Decision) -> None:
    """A hint that saves the instances the time until they ask PostgreSQL again; it may fail."""
    if settings.redis.broker_url is None:
        return
    announcement = announcement_of("sendoff-command", decision.state, decision.command_id)
    with (
        contextlib.suppress(redis.RedisError, OSError, ValueError),
        redis.Redis.from_url(
            settings.redis.broker_url, socket_timeout=_HINT_SECONDS, socket_connect_timeout=_HINT_SECONDS
        ) as client,
    ):
        client.publish(f"{settings.control.prefix}:control:state", msgspec.json.encode(announcement))
