"""What JetStream tells of the ingest's streams: how much waits there, for how long, and whose subjects are full."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec

from sendoff_control.nats_requests import NatsRequests
from sendoff_domain.stream_names import (
    ingest_stream_name,
    ingest_subject,
    kept_subject,
    rejected_stream_name,
)

#: So long an answer counts, also that there was none (seconds): however often it is asked for, NATS is asked once.
_FRESH = 1.0
#: A stream with more customers than that is not looked through for full ones: 10,000 are 200 KB of an answer.
_MOST_SUBJECTS = 10_000
#: Of the full customers so many are named.
_MOST_NAMES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestFigures:
    """The ingest's stream at a moment; what could not be learned is None.

    `waiting` is everything that is not stored yet; `taken` is what of it an ingest process holds. `handled` counts
    what has left the stream since it was made, `rejected` what went to the stream of rejections. `full_customers` are
    those whose producers are refused at the moment.
    """

    waiting: int
    taken: int | None
    oldest_seconds: float
    bytes: int
    max_bytes: int | None
    handled: int
    rejected: int | None
    full_customers: tuple[str, ...] | None


class _Config(msgspec.Struct):
    max_msgs_per_subject: int = -1
    max_bytes: int = -1


class _State(msgspec.Struct):
    messages: int
    bytes: int
    first_ts: datetime
    last_seq: int
    num_subjects: int = 0
    subjects: dict[str, int] = {}


class _Stream(msgspec.Struct):
    config: _Config
    state: _State
    ts: datetime


class _Consumer(msgspec.Struct):
    num_ack_pending: int


class _Consumers(msgspec.Struct):
    total: int
    consumers: list[_Consumer]


A = TypeVar("A", _Stream, _Consumers)


class IngestStream:
    """Looks at the ingest's streams of one fleet; nothing here raises, and None is the answer of a NATS that is away.

    The same is the answer where there is no stream, or JetStream is not switched on.
    """

    def __init__(self, requests: NatsRequests, prefix: str) -> None:
        self._requests = requests
        self._prefix = prefix
        self._known: IngestFigures | None = None
        self._known_until = 0.0
        self._turn = asyncio.Lock()

    async def figures(self) -> IngestFigures | None:
        """The figures, a second old at most."""
        async with self._turn:
            if time.monotonic() >= self._known_until:
                self._known = await self._read()
                self._known_until = time.monotonic() + _FRESH
            return self._known

    async def waiting_of(self, customer: str) -> int | None:
        """How many messages of that customer are in the stream."""
        stream = await self._stream(ingest_stream_name(self._prefix), kept_subject(self._prefix, "*", customer))
        return None if stream is None else sum(stream.state.subjects.values())

    async def _read(self) -> IngestFigures | None:
        name = ingest_stream_name(self._prefix)
        stream, consumers, rejected = await asyncio.gather(
            self._stream(name),
            self._ask(f"CONSUMER.LIST.{name}", b"", _Consumers),
            self._stream(rejected_stream_name(self._prefix)),
        )
        if stream is None:
            return None
        state = stream.state
        return IngestFigures(
            waiting=state.messages,
            taken=None if consumers is None else sum(one.num_ack_pending for one in consumers.consumers),
            oldest_seconds=max(0.0, (stream.ts - state.first_ts).total_seconds()) if state.messages else 0.0,
            bytes=state.bytes,
            max_bytes=stream.config.max_bytes if stream.config.max_bytes > 0 else None,
            handled=state.last_seq - state.messages,
            rejected=None if rejected is None else rejected.state.last_seq,
            full_customers=await self._full_customers(stream),
        )

    async def _full_customers(self, stream: _Stream) -> tuple[str, ...] | None:
        """Asks for the subjects only where one of them can be full."""
        most = stream.config.max_msgs_per_subject
        if most <= 0 or stream.state.messages < most:
            return ()
        if stream.state.num_subjects > _MOST_SUBJECTS:
            return None
        found = await self._stream(ingest_stream_name(self._prefix), ingest_subject(self._prefix, ">"))
        if found is None:
            return None
        full = {subject.rpartition(".")[2] for subject, count in found.state.subjects.items() if count >= most}
        return tuple(sorted(full)[:_MOST_NAMES])

    async def _stream(self, name: str, subjects: str | None = None) -> _Stream | None:
        request = b"" if subjects is None else msgspec.json.encode({"subjects_filter": subjects})
        return await self._ask(f"STREAM.INFO.{name}", request, _Stream)

    async def _ask(self, what: str, request: bytes, kind: type[A]) -> A | None:
        answer = await self._requests.ask(f"$JS.API.{what}", request)
        if answer is None:
            return None
        try:
            return msgspec.json.decode(answer, type=kind)
        except msgspec.DecodeError:  # what is no such answer says that there is no such thing
            return None
