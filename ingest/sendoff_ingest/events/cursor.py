"""The cursor of the events in PostgreSQL: how far they are published, and who publishes them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import fetch_all_as, fetch_one, run
from sendoff_domain.event_types import EventKind
from sendoff_domain.events import Event

#: What a killed publisher held waits so long; a turn takes less.
LEASE = timedelta(seconds=15)

log = structlog.get_logger("sendoff.events")


@dataclass(frozen=True, slots=True)
class Place:
    """The last event that is published, by its position and its `row_id`: what comes after it is not."""

    position: int
    message_id: UUID


@dataclass(frozen=True, slots=True)
class _Found:
    """The cursor and the database at the start of a publisher."""

    position: int
    shift: int
    system_identifier: int | None
    timeline: int | None
    system_identifier_now: int
    timeline_now: int
    oldest_transaction: int


async def start_recording(pool: Pool) -> None:
    """Have the rows that are written from now on carry their positions, wherever the database was before.

    The first start begins with what happens then. After a move to another cluster the positions go on above those
    that came along; after a restore the cursor is where it was then, and what was published since may be again.
    """
    async with pool.connection() as connection, connection.transaction():
        (found,) = await fetch_all_as(connection, __package__, "lock_cursor", kind=_Found)
        if found.system_identifier is None:
            await _record(connection, found, found.oldest_transaction, 0)
            log.info("events are recorded from now on")
        elif found.system_identifier != found.system_identifier_now:
            row = await fetch_one(connection, __package__, "read_last_position")
            await _record(connection, found, found.position, (row[0] if row else found.position) + 1)
            log.warning(
                "the database was moved to another cluster: what happened between the move and now has no events,"
                " and what was published after the copy was made is not known",
                shift=found.shift,
            )
        elif found.timeline != found.timeline_now:
            await run(connection, __package__, "move_cursor", _values(found, found.position, found.shift))
            log.warning(
                "the database was restored, or a standby was promoted: events of transactions that it lost may have"
                " been published, and events since the cursor may be published again with the ids that they had",
                timeline=found.timeline_now,
                timeline_before=found.timeline,
            )


async def take_turn(pool: Pool, holder: str) -> Place | None:
    """Prolong or take the lease; the place of the cursor, or None while another publisher has it."""
    async with pool.connection() as connection:
        row = await fetch_one(connection, __package__, "take_turn", {"holder": holder, "lease": LEASE})
    return None if row is None else Place(*row)


async def read_place(pool: Pool) -> Place:
    """The place of the cursor, whoever has the lease."""
    async with pool.connection() as connection:
        (place,) = await fetch_all_as(connection, __package__, "read_cursor", kind=Place)
    return place


async def read_events(pool: Pool, place: Place, limit: int) -> list[Event]:
    """The next events, none of which another one may still precede."""
    values = {"position": place.position, "message_id": place.message_id, "limit": limit}
    async with pool.connection() as connection, connection.transaction():
        await run(connection, __package__, "forbid_whole_sorts")
        return await fetch_all_as(connection, __package__, "read_events", values, kind=_event)


async def advance(pool: Pool, holder: str, event: Event) -> bool:
    """Note that all up to this event is published; False when the lease was lost meanwhile."""
    values = {"holder": holder, "position": event.event_position, "message_id": event.row_id}
    async with pool.connection() as connection:
        return await fetch_one(connection, __package__, "advance_cursor", values) is not None


async def release(pool: Pool, holder: str) -> None:
    """Let another publisher go on at once."""
    async with pool.connection() as connection:
        await run(connection, __package__, "release_cursor", {"holder": holder})


def _event(*, kind: str, **columns: Any) -> Event:
    return Event(kind=EventKind(kind), **columns)


async def _record(connection: Connection, found: _Found, position: int, shift: int) -> None:
    await run(connection, __package__, "start_recording", {"shift": shift})
    await run(connection, __package__, "move_cursor", _values(found, position, shift))


def _values(found: _Found, position: int, shift: int) -> dict[str, int]:
    return {
        "position": position,
        "shift": shift,
        "system_identifier": found.system_identifier_now,
        "timeline": found.timeline_now,
    }
