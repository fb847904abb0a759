"""PostgreSQL decides: one transaction turns a command into a revision, at most once."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.errors import LockNotAvailable

from sendoff_db.locks import CLAIMS
from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all, fetch_one, run
from sendoff_domain.control import Command, CommandStatus, Decision, Desired, Origin, desired_by
from sendoff_domain.errors import UnavailableError, UnknownScopeError

#: How far the clock of the sender of a command may be off.
CLOCK_SKEW = timedelta(seconds=2)
#: A claim that lets a command wait for so long is undone. The server needs milliseconds for one.
_PATIENCE = "500ms"
#: A process that stands still for so long within a command loses it, so that claims and commands go on without it.
_IDLE = "1s"
#: How often the holders of the lock are ended before a command is given up.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Fence:
    """When a command is too late although its own `ttl` does not say so; such a command is recorded as expired.

    `deadline` is judged by PostgreSQL's clock after the scope's row is locked. `expected_revision` is what the scope
    must still have: whatever was decided since came later than the command.
    """

    deadline: datetime | None = None
    expected_revision: int | None = None


NO_FENCE = Fence()


async def decide(connection: Connection, command: Command, origin: Origin, fence: Fence = NO_FENCE) -> Decision:
    """Commit a command and return what became of it; a duplicate gets the result of the first.

    The lock on the scope's row puts all commands of a scope in one order, which is the order of the revisions. Claims
    share another lock, which a command takes alone, so that no claim commits beside it; a claim or a command that has
    it for too long, because its process stands still, is undone.
    Without an id the command counts as a new one each time. Raises psycopg.OperationalError when PostgreSQL does not
    answer; the command may then have been committed, so repeat it with the same id. Raises UnknownScopeError, and keeps
    nothing, for a scope that is neither global nor a customer.
    """
    command_id = command.command_id or str(uuid.uuid4())
    for _ in range(_TRIES):
        try:
            return await _commit(connection, command, command_id, origin=origin, fence=fence)
        except LockNotAvailable:
            await fetch_all(connection, __package__, "end_lock_holders", {"lock": CLAIMS, "patience": _PATIENCE})
    raise UnavailableError("a lock that a command needs is held by a session that this one may not end")


async def is_recorded(connection: Connection, command_id: str) -> bool:
    """Whether there is a decision about the command of that id."""
    return await fetch_one(connection, __package__, "read_command", {"command_id": command_id}) is not None


async def _commit(
    connection: Connection, command: Command, command_id: str, *, origin: Origin, fence: Fence
) -> Decision:
    async with connection.transaction():
        await run(connection, __package__, "take_claim_lock", {"lock": CLAIMS, "patience": _PATIENCE, "idle": _IDLE})
        locked = await fetch_one(connection, __package__, "lock_scope", _times(command, fence))
        if locked is None:
            raise UnknownScopeError(f"there is no customer {command.scope!r}")
        epoch, revision, desired, late = locked
        if fence.expected_revision not in (None, revision):
            late = True
        decision = _decision(command, command_id, epoch=epoch, revision=revision, desired=Desired(desired), late=late)
        values = _values(decision, command, origin)
        if not await run(connection, __package__, "record_command", values):
            return await _stored(connection, command_id)
        if decision.status is CommandStatus.ACCEPTED:
            await run(connection, __package__, "change_state", values)
    return decision


def _decision(
    command: Command, command_id: str, *, epoch: int, revision: int, desired: Desired, late: bool
) -> Decision:
    wanted = desired_by(command.action)
    if late:
        return Decision(command_id, command.scope, CommandStatus.EXPIRED, epoch, revision, desired)
    if wanted is desired:
        return Decision(command_id, command.scope, CommandStatus.NO_CHANGE, epoch, revision, desired)
    return Decision(command_id, command.scope, CommandStatus.ACCEPTED, epoch, revision + 1, wanted)


async def _stored(connection: Connection, command_id: str) -> Decision:
    scope, epoch, revision, desired = await _one(connection, "read_command", {"command_id": command_id})
    return Decision(command_id, scope, CommandStatus.DUPLICATE, epoch, revision, Desired(desired))


async def _one(connection: Connection, statement: str, values: dict[str, Any]) -> tuple[Any, ...]:
    row = await fetch_one(connection, __package__, statement, values)
    if row is None:
        raise UnavailableError("the command's record was removed just now")  # by the retention, at its very last moment
    return row


def _times(command: Command, fence: Fence) -> dict[str, Any]:
    return {
        "scope": command.scope,
        "issued_at": command.issued_at,
        "ttl": command.ttl + CLOCK_SKEW,
        "deadline": fence.deadline,
    }


def _values(decision: Decision, command: Command, origin: Origin) -> dict[str, Any]:
    return {
        "command_id": decision.command_id,
        "scope": decision.scope,
        "action": command.action,
        "status": decision.status,
        "epoch": decision.epoch,
        "revision": decision.revision,
        "desired": decision.desired,
        "origin": origin,
        "requested_by": command.requested_by,
        "actor": command.actor or origin,
        "request_id": command.request_id,
        "reason": command.reason,
    }
