"""What messages say, for the events about them where a setting wants it there."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from sendoff_db.pool import Pool
from sendoff_db.sql import fetch_all
from sendoff_domain.event_types import EVENT_TYPES
from sendoff_domain.events import Event


class _Payload(msgspec.Struct):
    """The part of a payload that is the content, as it is written there."""

    content: msgspec.Raw


_decode = msgspec.json.Decoder(_Payload).decode


async def with_contents(pool: Pool, events: Sequence[Event], limit: int) -> list[Event]:
    """The events with what their messages say and are called, so far as these are there.

    No content is larger than its payload may be: `limit` bytes.
    """
    ids = list({event.row_id for event in events if EVENT_TYPES[event.kind].about == "message"})
    async with pool.connection() as connection:
        rows = await fetch_all(connection, __package__, "read_contents", {"ids": ids, "limit": limit})
    contents = {row_id: _decode(payload).content for row_id, payload, _ in rows if payload is not None}
    references = {row_id: reference for row_id, _, reference in rows}
    return [
        event
        if EVENT_TYPES[event.kind].about != "message"
        else _with_content(event, contents.get(event.row_id), references.get(event.row_id))
        for event in events
    ]


def _with_content(event: Event, content: msgspec.Raw | None, reference: str | None) -> Event:
    omitted: Literal[True] | None = True if content is None else None
    return replace(event, content=content, content_omitted=omitted, reference=reference)
