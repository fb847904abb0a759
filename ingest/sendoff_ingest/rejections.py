"""What could not be taken in, as a document in a stream of its own, with its reason and where it came from."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from sendoff_domain.stream_names import MESSAGE_ID_HEADER, published_subject
from sendoff_domain.times import format_moment
from sendoff_intake.rejection import REFUSED_BY_DATABASE, Mistake, Rejection, mistake_of
from sendoff_intake.submission import Rejected

_REFUSED = "the database refuses this message; the log of the ingest has why"
#: What of a body and of headers is kept (bytes); as JSON a byte takes up to six.
_MOST_OF_BODY, _MOST_OF_HEADERS = 96 * 1024, 8 * 1024
#: Of what a message of NATS may hold, as much of a body is kept.
_SHARE_OF_PAYLOAD = 8
_AT_A_TIME = 100
_TIMEOUT = 5.0


class Rejections:
    """Publishes rejections of one session, and returns when the stream has them."""

    def __init__(self, client: Client, jetstream: JetStreamContext, subject: str) -> None:
        self._jetstream = jetstream
        self._subject = subject
        self._most = min(_MOST_OF_BODY, client.max_payload // _SHARE_OF_PAYLOAD)

    async def publish(self, rejected: Sequence[tuple[str, Msg, Rejected | Exception]]) -> None:
        """Publish each with its place in the stream, by which NATS drops what it was given before.

        Raises what nats-py raises if one of them is not taken; the others may be.
        """
        for start in range(0, len(rejected), _AT_A_TIME):
            async with asyncio.TaskGroup() as group:
                for place, message, why in rejected[start : start + _AT_A_TIME]:
                    group.create_task(self._publish(place, message, why))

    async def _publish(self, place: str, message: Msg, why: Rejected | Exception) -> None:
        document = msgspec.json.encode(describe(message, why, self._most))
        headers = {MESSAGE_ID_HEADER: place}
        await self._jetstream.publish(self._subject, document, timeout=_TIMEOUT, headers=headers)


def describe(message: Msg, why: Rejected | Exception, most: int = _MOST_OF_BODY) -> Rejection:
    """The document of one rejection; of the body it has `most` bytes."""
    metadata = message.metadata
    text, encoding = _shown(message.data[:most])
    reason, detail, errors = _reason_of(why)
    return Rejection(
        reason=reason,
        detail=detail,
        errors=errors,
        subject=published_subject(message.subject),
        sequence=metadata.sequence.stream,
        published_at=format_moment(metadata.timestamp),
        headers=_few(message.headers or {}),
        body=text,
        body_encoding=encoding,
        body_bytes=len(message.data),
    )


def _reason_of(why: Rejected | Exception) -> tuple[str, str, list[Mistake]]:
    if isinstance(why, Exception):
        return REFUSED_BY_DATABASE, _REFUSED, []
    return why.reason, why.detail, [mistake_of(error) for error in why.errors]


def _shown(body: bytes) -> tuple[str, Literal["utf-8", "base64"]]:
    try:
        return body.decode(), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), "base64"


def _few(headers: Mapping[str, str]) -> dict[str, str]:
    """The first headers, as many as there is room for."""
    kept: dict[str, str] = {}
    room = _MOST_OF_HEADERS
    for name, value in headers.items():
        room -= len(name) + len(value)
        if room < 0:
            break
        kept[name] = value
    return kept
