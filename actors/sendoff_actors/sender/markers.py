"""Markers in Redis: what was sent, written before PostgreSQL knows it, so that a crash in between sends nothing twice.

A failed attempt gets one only if PostgreSQL does not take it: the process that claims its message next must count it.
They only narrow the window in which a message may be sent twice; without Redis everything goes on, whatever its client
raises.
"""

from collections.abc import Sequence

import msgspec
import redis.asyncio as redis
import structlog

from sendoff_actors.handoffs import Claimed, FailedAttempt

log = structlog.get_logger("sendoff.markers")

#: A marker outlives any lease and any outage of PostgreSQL that an operator would sit out (seconds).
_TTL = 6 * 3600
#: One command with one argument for many markers: keys and values as arguments of their own cost this side twice as
#: much, a pipeline of SETs costs both sides ten times as much.
_SET_ALL = """
local all = cmsgpack.unpack(ARGV[2])
for i = 1, #all, 2 do redis.call('SET', all[i], all[i + 1], 'EX', ARGV[1]) end
"""
#: A batch's fence must outlive its lease only (seconds).
_FENCE_TTL = 120


#: A failed attempt is an object with this key, which tells it from a Marker.
_FAILED = "failed"


class Marker(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known of a message that was sent; times are Unix seconds, all that a delivery's row needs."""

    sent_at: float
    status_code: int
    duration_us: int
    external_message_id: str | None


class Markers:
    """Reads and writes the markers; a Redis that does not answer is logged and taken for one without markers."""

    def __init__(self, client: "redis.Redis", prefix: str = "sendoff") -> None:
        self._client = client
        self._prefix = prefix
        self._decode = msgspec.json.Decoder(Marker | dict[str, FailedAttempt]).decode
        self._set_all = client.register_script(_SET_ALL)
        self._encode = msgspec.json.Encoder().encode
        self._pack = msgspec.msgpack.Encoder().encode

    async def is_first_arrival(self, batch_id: str) -> bool:
        """Whether this batch is seen for the first time; a hand-off that Dramatiq delivers again is not."""
        try:
            return bool(await self._client.set(f"{self._prefix}:batch:{batch_id}", 1, nx=True, ex=_FENCE_TTL))
        except Exception as error:  # noqa: BLE001  see above
            log.warning("batch fence unknown", error=repr(error))
            return True

    async def find(self, messages: Sequence[Claimed]) -> dict[str, Marker | FailedAttempt]:
        """What is marked of those messages in their present generation and attempt, by message id."""
        if not messages:
            return {}
        try:
            values = await self._client.mget([self._key(message.id, message.generation) for message in messages])
        except Exception as error:  # noqa: BLE001  see above
            log.warning("markers unknown", error=repr(error))
            return {}
        found = {
            message.id: self._read(message, value) for message, value in zip(messages, values, strict=True) if value
        }
        return {message_id: marker for message_id, marker in found.items() if marker is not None}

    async def write(self, sent: Sequence[tuple[Claimed, Marker]]) -> None:
        """Mark these as sent, all in one round trip."""
        keys_and_values: list[str] = []
        for message, marker in sent:
            keys_and_values += (self._key(message.id, message.generation), self._encode(marker).decode())
        await self._set(keys_and_values)

    async def write_failures(self, failures: Sequence[FailedAttempt]) -> None:
        """Mark these attempts as made, all in one round trip."""
        keys_and_values: list[str] = []
        for failure in failures:
            keys_and_values += (self._key(failure.id, failure.generation), self._encode({_FAILED: failure}).decode())
        await self._set(keys_and_values)

    async def _set(self, keys_and_values: list[str]) -> None:
        try:
            await self._set_all(args=[_TTL, self._pack(keys_and_values)])
        except Exception as error:  # noqa: BLE001  see above
            log.warning("markers not written", messages=len(keys_and_values) // 2, error=repr(error))

    def _read(self, message: Claimed, value: bytes | str) -> Marker | FailedAttempt | None:
        try:
            marker = self._decode(value)
        except msgspec.MsgspecError:  # of another version
            log.warning("a marker can't be read", message=message.id)
            return None
        if isinstance(marker, Marker):
            return marker
        failure = marker.get(_FAILED)
        return failure if failure is not None and failure.attempt == message.attempts + 1 else None

    def _key(self, message_id: str, generation: int) -> str:
        return f"{self._prefix}:sent:{message_id}:{generation}"
