"""Hand-offs as Redis carries them: JSON behind a MAC, so that what can write to Redis can make none.

The key is in PostgreSQL, where the messages are (`handoff_key`): every process of the fleet has the same one, whether
encryption keys are configured or not, and whichever of them it knows.
"""

import hmac
from typing import Any

import dramatiq
import msgspec

from sendoff_actors.handoffs import ActorName, Batch, FailedAttempt, Tick, Undeliverable
from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_one
from sendoff_domain.errors import SendoffError

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


class SealedHandoffs:
    """Writes hand-offs under a key, and reads those that were written under it."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def write(self, message: "dramatiq.Message[object]") -> bytes:
        """A hand-off as Redis may carry it."""
        data = msgspec.json.encode(message.asdict())
        return hmac.digest(self._key, data, "sha256") + data

    def read(self, sealed: bytes, queue: str) -> "dramatiq.Message[object]":
        """A hand-off from that queue, with the arguments that its actor takes; raises BrokenHandoffError for others."""
        mac, data = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        if not hmac.compare_digest(mac, hmac.digest(self._key, data, "sha256")):
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
        return dramatiq.Message(
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
