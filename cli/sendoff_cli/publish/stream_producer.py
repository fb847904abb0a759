"""Publishes lines into the stream, many at a time, each under one id until the stream has it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.errors import APIError, NoStreamResponseError

from sendoff_cli.publish.line_reader import Line, LineReader
from sendoff_domain.errors import SendoffError
from sendoff_domain.stream_names import MESSAGE_ID_HEADER, ingest_subject
from sendoff_domain.texts import match_customer_id
from sendoff_intake.submission_reader import KEY_HEADER, MESSAGE_LIMIT

_AT_ONCE = 256
#: How long one acknowledgement is waited for, and between two tries (seconds).
_ANSWER_SECONDS, _PAUSE = 5.0, 0.25
_MOST_SHOWN = 20


class _Named(msgspec.Struct):
    customer: str | None = None


_decode = msgspec.json.Decoder(_Named).decode


@dataclass(slots=True)
class Tally:
    """What has become of the lines: new in the stream, there already, or not published, the first of these in words."""

    published: int = 0
    repeated: int = 0
    refused: int = 0
    mistakes: list[str] = field(default_factory=list)

    def refuse(self, line: Line, why: str) -> None:
        """Count a line that is not published."""
        self.refused += 1
        if len(self.mistakes) < _MOST_SHOWN:
            self.mistakes.append(f"line {line.number}: {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamProducer:
    """Publishes for `customer` what names no other; `keys` begins the Idempotency-Key of each line.

    A stream that is away or full is tried for `patience` seconds with each message; `tell` is called after each line.
    """

    jetstream: JetStreamContext
    prefix: str
    customer: str
    keys: str
    patience: float
    tell: Callable[[], None]
    tally: Tally = field(default_factory=Tally)

    async def publish_all(self, lines: LineReader) -> None:
        """Publish line after line; raises SendoffError when the stream has not taken one in time."""
        workers = [asyncio.create_task(self._work(lines)) for _ in range(_AT_ONCE)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, lines: LineReader) -> None:
        while (line := await lines.next()) is not None:
            await self._publish(line)
            self.tell()

    async def _publish(self, line: Line) -> None:
        if len(line.text) > MESSAGE_LIMIT:
            self.tally.refuse(line, f"expected at most {MESSAGE_LIMIT} bytes")
            return
        try:
            customer = _decode(line.text).customer or self.customer
        except (msgspec.DecodeError, UnicodeDecodeError) as error:  # ValidationError is one
            self.tally.refuse(line, f"expected a message as a JSON object: {error}")
            return
        if not match_customer_id(customer):
            self.tally.refuse(line, "expected a customer's id: letters, digits, _ and -")
            return
        if await self._acknowledged(line, customer):
            self.tally.repeated += 1
        else:
            self.tally.published += 1

    async def _acknowledged(self, line: Line, customer: str) -> bool:
        """Publish until it is acknowledged; whether the stream had it already."""
        key = f"{self.keys}-{line.number}"
        headers = {KEY_HEADER: key, MESSAGE_ID_HEADER: f"{customer}:{key}"}
        deadline = time.monotonic() + self.patience
        while True:
            try:
                done = await self.jetstream.publish(
                    ingest_subject(self.prefix, customer), line.text, timeout=_ANSWER_SECONDS, headers=dict(headers)
                )
            except (Error, OSError, TimeoutError) as error:
                if time.monotonic() > deadline:
                    raise SendoffError(f"line {line.number} was not taken: {_words(error)}") from None
                await asyncio.sleep(_PAUSE)
            else:
                return bool(done.duplicate)


def _words(error: Exception) -> str:
    if isinstance(error, NoStreamResponseError):
        return "there is no stream for it, or it has no leader: has the ingest run (ingest.enabled)?"
    if isinstance(error, APIError):
        return f"the stream refuses it: {error.description} ({error.err_code})"
    return str(error) or type(error).__name__
