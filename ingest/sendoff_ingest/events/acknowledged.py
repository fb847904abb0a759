"""Publishes many messages to JetStream at once, and waits until the streams have acknowledged each of them.

One inbox takes all acknowledgements: a request for each message, as nats-py makes it, costs four times the CPU time.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import APIError, NoStreamResponseError

#: The status of the answer when no stream listens on the subject (NATS' protocol: "503 No Responders").
_NO_RESPONDERS = "503"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is published."""

    subject: str
    payload: bytes
    headers: Mapping[str, str]


class _Acknowledgement(msgspec.Struct):
    """The part of JetStream's PubAck that matters here; `error` has code, err_code and description."""

    duplicate: bool = False
    error: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Acknowledgement).decode


class AcknowledgedPublisher:
    """Publishes one wave at a time on a connection; `open` makes it."""

    def __init__(self, client: Client, inbox: str) -> None:
        self._client = client
        self._inbox = inbox
        self._numbers = count()
        self._wave = _Wave("", 0)

    @classmethod
    async def open(cls, client: Client) -> "AcknowledgedPublisher":
        """Listen on an inbox of its own, for as long as the connection lives."""
        publisher = cls(client, client.new_inbox())
        await client.subscribe(f"{publisher._inbox}.*.*", cb=publisher._note)
        return publisher

    async def publish(self, wave: Sequence[Outgoing], limit: float) -> int:
        """Publish all of them; returns how many of them the streams had already, by their ids.

        Raises TimeoutError if not all are acknowledged within `limit` seconds, or what nats-py raises for one that is
        not taken: then some of the others may be in the streams.
        """
        if not wave:
            return 0
        self._wave = expected = _Wave(f"{self._inbox}.{next(self._numbers)}", len(wave))
        async with asyncio.timeout(limit):
            for number, message in enumerate(wave):
                reply = f"{expected.inbox}.{number}"
                await self._client.publish(message.subject, message.payload, reply=reply, headers=dict(message.headers))
            await expected.answered.wait()
        if expected.mistake is not None:
            raise expected.mistake
        return expected.duplicates

    async def _note(self, answer: Msg) -> None:
        inbox, _, number = answer.subject.rpartition(".")
        if inbox == self._wave.inbox:  # and not a late one of a wave that was given up
            self._wave.note(int(number), answer)


class _Wave:
    """What is known of the messages that were published together."""

    def __init__(self, inbox: str, size: int) -> None:
        self.inbox = inbox
        self.answered = asyncio.Event()
        self.duplicates = 0
        self.mistake: Exception | None = None
        self._missing = set(range(size))

    def note(self, number: int, answer: Msg) -> None:
        """One message is acknowledged or refused."""
        if number not in self._missing:
            return
        self._missing.remove(number)
        try:
            self.duplicates += _is_duplicate(answer)
        except Exception as error:  # noqa: BLE001  whatever is wrong with an answer: its message may not be there
            self.mistake = self.mistake or error
        if not self._missing:
            self.answered.set()


def _is_duplicate(answer: Msg) -> bool:
    if answer.headers and answer.headers.get("Status") == _NO_RESPONDERS:
        raise NoStreamResponseError
    acknowledgement = _decode(answer.data)
    if acknowledgement.error is not None:
        APIError.from_error(acknowledgement.error)  # raises it
    return acknowledgement.duplicate
