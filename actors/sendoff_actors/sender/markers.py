"""Markers in Redis: what was sent, written before PostgreSQL knows it, so that a crash in between sends nothing twice.

They only narrow the window in which a message may be sent twice; without Redis everything goes on.
"""

from collections.abc import Sequence

import msgspec
import redis.asyncio as redis
import structlog
from redis.exceptions import RedisError

from sendoff_actors.handoffs import Claimed

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
        self._decode = msgspec.json.Decoder(Marker).decode
        self._set_all = client.register_script(_SET_ALL)
        self._encode = msgspec.json.Encoder().encode
        self._pack = msgspec.msgpack.Encoder().encode

    async def is_first_arrival(self, batch_id: str) -> bool:
        """Whether this batch is seen for the first time; a hand-off that Dramatiq delivers again is not."""
        try:
            return bool(await self._client.set(f"{self._prefix}:batch:{batch_id}", 1, nx=True, ex=_FENCE_TTL))
        except RedisError as error:
            log.warning("batch fence unknown", error=str(error))
            return True

    async def find(self, messages: Sequence[Claimed]) -> dict[str, Marker]:
        """The markers of those messages that were sent in their present generation, by message id."""
        if not messages:
            return {}
        try:
            values = await self._client.mget([self._key(message.id, message.generation) for message in messages])
        except RedisError as error:
            log.warning("markers unknown", error=str(error))
            return {}
        return {message.id: self._decode(value) for message, value in zip(messages, values, strict=True) if value}

    async def write(self, sent: Sequence[tuple[Claimed, Marker]]) -> None:
        """Mark these as sent, all in one round trip."""
        keys_and_values: list[str] = []
        for message, marker in sent:
            keys_and_values += (self._key(message.id, message.generation), self._encode(marker).decode())
        try:
            await self._set_all(args=[_TTL, self._pack(keys_and_values)])
        except RedisError as error:
            log.warning("markers not written", messages=len(sent), error=str(error))

    def _key(self, message_id: str, generation: int) -> str:
        return f"{self._prefix}:sent:{message_id}:{generation}"
