"""Notices that the database went back to an earlier state: the streams have an event that it does not know.

A restore from an archive shows in PostgreSQL's timeline; a snapshot that was put back shows nowhere else.
"""

from collections.abc import Iterable
from uuid import UUID

import structlog
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg, StreamInfo

from sendoff_db.pool import Pool
from sendoff_domain.events import POSITION_HEADER
from sendoff_domain.stream_names import MESSAGE_ID_HEADER
from sendoff_ingest.events.cursor import Place, read_events, read_place

_LAST = UUID(int=2**128 - 1)
#: Events of one transaction that are looked through.
_LIMIT = 10_000

log = structlog.get_logger("sendoff.events")


async def warn_of_lost_past(pool: Pool, jetstream: JetStreamContext, streams: Iterable[StreamInfo]) -> None:
    """Say it if the last event that was published did not happen, as far as the database knows.

    What is between the cursor and that event was published, but not noted: after a crash it is all there.
    """
    last = await _last_event(jetstream, streams)
    if last is None:
        return
    position, event_id = last
    place = await read_place(pool)
    if position <= place.position:
        return
    found = await read_events(pool, Place(position - 1, _LAST), _LIMIT)
    if event_id not in {event.id for event in found}:
        log.warning(
            "the database does not know the last event that was published, so it was put back to an earlier state:"
            " events of transactions that it lost have been published, and events since the cursor may be published"
            " again with the ids that they had",
            event_id=event_id,
        )


async def _last_event(jetstream: JetStreamContext, streams: Iterable[StreamInfo]) -> tuple[int, str] | None:
    """The position and the id of the event that is furthest of what the streams hold."""
    found = [
        await jetstream.get_msg(info.config.name or "", info.state.last_seq) for info in streams if info.state.messages
    ]
    return max((placed for message in found if (placed := _placed(message)) is not None), default=None)


def _placed(message: RawStreamMsg) -> tuple[int, str] | None:
    headers = message.headers or {}
    position = headers.get(POSITION_HEADER, "")
    return (int(position), headers.get(MESSAGE_ID_HEADER, "")) if position.isdigit() else None
