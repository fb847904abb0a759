"""What the actors say to one another: queue names and the frozen batches that travel between them.

A hand-off is a hint. One that gets lost costs time, never a message: the lease in PostgreSQL runs out and the message
is claimed again. `SealedHandoffs` writes and reads them; one of another version is set aside.
"""

import hmac
from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from uuid import uuid4

import dramatiq
import msgspec

from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_one
from sendoff_domain.errors import SendoffError
from sendoff_domain.message import DeathReason
from sendoff_domain.outcome import ErrorClass

#: A hand-off carries at most this many messages and about this many bytes of payload, so that Redis stays quick.
BATCH_MESSAGES = 250
BATCH_BYTES = 512 * 1024


class Queue(StrEnum):
    """The queues, one for each actor."""

    CLAIMER = "claimer"
    SENDER = "sender"
    RETRIER = "retrier"
    DEAD_LETTERER = "dead_letterer"


class ActorName(StrEnum):
    """The actors that take hand-offs."""

    CLAIM = "claim"
    SEND = "send"
    RETRY = "retry"
    BURY = "bury"
    CLEAN_UP = "clean_up"

    @property
    def queue(self) -> Queue:
        """Where its hand-offs wait."""
        return _QUEUES[self]


_QUEUES = {
    ActorName.CLAIM: Queue.CLAIMER,
    ActorName.SEND: Queue.SENDER,
    ActorName.RETRY: Queue.RETRIER,
    ActorName.BURY: Queue.DEAD_LETTERER,
    ActorName.CLEAN_UP: Queue.DEAD_LETTERER,
}


class Tick(msgspec.Struct, frozen=True):
    """Time for an instance to claim. `number` counts its intervals; `until` (database's clock, s) ends this one."""

    instance: str
    number: int
    until: float
    batch_size: int
    drain: bool


class Claimed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One message under a claim. Times are Unix seconds of the database's clock; `attempts` counts those made.

    `incarnation` is its customer's: another customer of the same id has another one.

    `retry` is the message's own strategy as JSON text, None means its customer's.
    A `probe` tries out a webhook whose breaker is open; a `limited` message is one of a limit of concurrency.
    `moved` is how much later than its time its customer's rate lets it go (seconds): `due_at` is that later moment.
    `trace` is that which it was accepted with (`sendoff_domain.trace_context`).
    """

    id: str
    customer: str
    incarnation: int
    due_at: float
    expires_at: float | None
    attempts: int
    generation: int
    token: int
    payload: str
    retry: str | None = None
    probe: bool = False
    limited: bool = False
    moved: float = 0.0
    trace: str | None = None

    @property
    def was_claimed_before(self) -> bool:
        """Whether this is not the message's first claim, so that it may have been sent already.

        Each claim raises the token by 2^32 at least and by less than 2^33 (`claim_token` in the schema).
        """
        return self.token >= 2**33


class Batch(msgspec.Struct, frozen=True):
    """What one claim took at `claimed_at`, a reading of the database's clock (Unix seconds), until `lease_until`.

    `more` says that the claim was full, so that there is probably more to take.
    """

    id: str
    claimed_at: float
    lease_until: float
    more: bool
    messages: list[Claimed]


def make_batches(
    messages: Sequence[Claimed], *, claimed_at: float, lease_until: float, at_least: int, more: bool
) -> list[Batch]:
    """The batches of one claim, if possible `at_least` so many; only the last of them says that there is `more`."""
    parts = split(messages, at_least)
    return [Batch(uuid4().hex, claimed_at, lease_until, more and part is parts[-1], part) for part in parts]


def split(messages: Sequence[Claimed], at_least: int = 1) -> list[list[Claimed]]:
    """The messages in their order, in even parts that respect BATCH_MESSAGES and BATCH_BYTES."""
    largest = min(BATCH_MESSAGES, -(-len(messages) // at_least))
    parts: list[list[Claimed]] = []
    size = 0
    for message in messages:
        size += len(message.payload)
        if not parts or size > BATCH_BYTES or len(parts[-1]) >= largest:
            parts.append([])
            size = len(message.payload)
        parts[-1].append(message)
    return parts


class FailedAttempt(msgspec.Struct, frozen=True, array_like=True):
    """One attempt that failed; the message is still held under `token`. Times are Unix seconds (database's clock).

    `started_at` is when it began or slightly before, `over_by` when it had certainly ended, None if that is not known.
    """

    id: str
    customer: str
    incarnation: int
    token: int
    attempt: int
    generation: int
    expires_at: float | None
    started_at: float
    duration_us: int
    status_code: int | None
    error_class: ErrorClass
    detail: str
    answer: bytes
    retry_after: float | None
    final: bool
    retry: str | None = None
    over_by: float | None = None

    @property
    def ended_at(self) -> float:
        """When the attempt was over, or slightly later; waits are counted from here, so that none is too short."""
        return self.started_at + self.duration_us / 1e6 if self.over_by is None else self.over_by


class Undeliverable(msgspec.Struct, frozen=True, array_like=True):
    """One message that will not be tried again, still held under `token`."""

    id: str
    token: int
    reason: DeathReason


_MAC_BYTES = 32
_LONGEST_REASON = 200


class BrokenHandoffError(SendoffError):
    """What Redis has is no hand-off of this fleet and version; the text says why, and nothing of a message in it."""


class _Options(msgspec.Struct):
    redis_message_id: str


class _Envelope(msgspec.Struct):
    """A Dramatiq message; its arguments are read when it is known for which actor they are."""

    queue_name: str
    actor_name: ActorName
    args: list[msgspec.Raw]
    kwargs: dict[str, msgspec.Raw]
    options: _Options
    message_id: str
    message_timestamp: int


_read_envelope = msgspec.json.Decoder(_Envelope).decode
#: What each actor takes.
_ARGUMENTS: dict[ActorName, list[msgspec.json.Decoder[Any]]] = {
    ActorName.CLAIM: [msgspec.json.Decoder(Tick)],
    ActorName.SEND: [msgspec.json.Decoder(Batch)],
    ActorName.RETRY: [msgspec.json.Decoder(list[FailedAttempt])],
    ActorName.BURY: [msgspec.json.Decoder(list[Undeliverable])],
    ActorName.CLEAN_UP: [],
}


class Handoff(dramatiq.Message[object]):
    """A message of Dramatiq that logs can name: Dramatiq writes it out in some errors, with all that it carries."""

    def __str__(self) -> str:
        return f"{self.actor_name} {self.message_id}"

    __repr__ = __str__


class SealedHandoffs:
    """Writes hand-offs under a key, and reads those that were written under it."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def write(self, message: "dramatiq.Message[object]") -> bytes:
        """A hand-off as Redis may carry it."""
        data = msgspec.json.encode(message.asdict())
        return hmac.digest(self.key, data, "sha256") + data

    def read(self, sealed: bytes, queue: str) -> "dramatiq.Message[object]":
        """A hand-off from that queue, with the arguments that its actor takes; raises BrokenHandoffError for others."""
        mac, data = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        if not hmac.compare_digest(mac, hmac.digest(self.key, data, "sha256")):
            raise BrokenHandoffError("no process of this fleet has made it")
        try:
            envelope = _read_envelope(data)
            arguments = [
                decoder.decode(raw) for decoder, raw in zip(_ARGUMENTS[envelope.actor_name], envelope.args, strict=True)
            ]
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise BrokenHandoffError(f"another version has made it: {str(error)[:_LONGEST_REASON]}") from None
        if envelope.actor_name.queue != queue or envelope.kwargs:
            raise BrokenHandoffError("another version has made it, for another queue or actor")
        return Handoff(
            queue_name=envelope.queue_name,
            actor_name=envelope.actor_name,
            args=tuple(arguments),
            kwargs={},
            options={"redis_message_id": envelope.options.redis_message_id},
            message_id=envelope.message_id,
            message_timestamp=envelope.message_timestamp,
        )


async def read_handoff_key(connection: Connection) -> bytes:
    """The fleet's key; raises psycopg's errors when PostgreSQL does not answer."""
    row = await fetch_one(connection, __package__, "read_handoff_key")
    if row is None:
        raise SendoffError("the table handoff_key is empty: insert 32 random bytes")
    return bytes(row[0])
