"""Markers in Redis: what was sent, written before PostgreSQL knows it, so that a crash in between sends nothing twice.

A failed attempt gets one only if PostgreSQL does not take it: the process that claims its message next must count it.
A marker lives long only while what it tells is not recorded; it goes a few seconds later, so that Redis holds what is
on its way and no more. Each is under a MAC: what can write to Redis but not read PostgreSQL has no message taken for
sent. They only narrow the window in which a message may be sent twice; without Redis everything goes on, whatever its
client raises.
"""

import asyncio
import hmac
import time
from collections import deque
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import msgspec
import redis.asyncio as redis
import structlog

from sendoff_actors.handoffs import Claimed, FailedAttempt

log = structlog.get_logger("sendoff.markers")

#: One command with one argument for many markers: keys and values as arguments of their own cost this side twice as
#: much, a pipeline of SETs costs both sides ten times as much. What goes makes room first, even in a full Redis.
_WRITE = """
local recorded, all = cmsgpack.unpack(ARGV[3]), cmsgpack.unpack(ARGV[2])
if #recorded > 0 then redis.call('DEL', unpack(recorded)) end
for i = 1, #all, 2 do redis.call('SET', all[i], all[i + 1], 'PX', ARGV[1]) end
"""
#: Only what was written itself: meanwhile the message may have been tried again, and marked as sent.
_DELETE_EQUAL = """
local all = cmsgpack.unpack(ARGV[1])
for i = 1, #all, 2 do
    if redis.call('GET', all[i]) == all[i + 1] then redis.call('DEL', all[i]) end
end
"""
#: A marker stays so long after its outcome was recorded (seconds): a promoted standby may lack the last commits.
_REST = 5.0
#: So many batches that were recorded travel with one of new markers, so that none pile up.
_RECORDED_AT_ONCE = 2
#: While Redis takes nothing so many are remembered; the others stay as long as they would have without.
_RECORDED_MOST = 50_000
#: A batch's fence must outlive its lease by what a hand-off may be late (seconds).
_FENCE_MARGIN = 112


#: A failed attempt is an object with this key, which tells it from a Marker.
_FAILED = "failed"
#: Of the MAC before a marker; a keyed BLAKE2b (RFC 7693) costs a quarter of an HMAC-SHA256, half a microsecond.
_MAC_BYTES, _MAC_CHARS = 16, 32


class Marker(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known of a message that was sent; times are Unix seconds, all that a delivery's row needs."""

    sent_at: float
    status_code: int
    duration_us: int
    external_message_id: str | None


class Markers:
    """Reads and writes the markers; a Redis that does not answer is logged and taken for one without markers.

    `key` is the fleet's, of at most 64 bytes: a marker that was not made with it, or of another message, is none. One
    lives for `life`, or until `rest` after it was recorded (seconds); `lease` is how long a claim holds. Those that are
    recorded go with the next markers that are written; run this as a service for those that none follow.
    """

    name = "recorded markers"

    def __init__(
        self,
        client: "redis.Redis",
        prefix: str = "sendoff",
        *,
        key: bytes,
        life: float = 6 * 3600,
        rest: float = _REST,
        lease: float = 8.0,
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._life = max(1, round(life * 1000))
        self._rest = rest
        self._fence_life = round(lease) + _FENCE_MARGIN
        #: Keys that may go, with the moment (`time.monotonic()`) from which on, the first to go first.
        self._recorded: deque[tuple[float, list[str]]] = deque()
        self._remembered = 0
        self._any_recorded = asyncio.Event()
        #: By their keys, the markers of failed attempts that are not recorded yet.
        self._failures: dict[str, str] = {}
        self._new_mac = blake2b(key=key, digest_size=_MAC_BYTES, person=b"sendoff marker").copy
        self._decode = msgspec.json.Decoder(Marker | dict[str, FailedAttempt]).decode
        self._write = client.register_script(_WRITE)
        self._delete_equal = client.register_script(_DELETE_EQUAL)
        self._encode = msgspec.json.Encoder().encode
        self._pack = msgspec.msgpack.Encoder().encode

    async def is_first_arrival(self, batch_id: str) -> bool:
        """Whether this batch is seen for the first time; a hand-off that Dramatiq delivers again is not."""
        try:
            return bool(await self._client.set(f"{self._prefix}:batch:{batch_id}", 1, nx=True, ex=self._fence_life))
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
            message.id: self._read(message, value)
            for message, value in zip(messages, values, strict=True)
            if isinstance(value, bytes)
        }
        return {message_id: marker for message_id, marker in found.items() if marker is not None}

    async def write(self, sent: Sequence[tuple[Claimed, Marker]]) -> None:
        """Mark these as sent, all in one round trip."""
        keys_and_values: list[str] = []
        for message, marker in sent:
            key = self._key(message.id, message.generation)
            keys_and_values += (key, self._seal(key, self._encode(marker)))
        await self._set(keys_and_values)

    def recorded(self, sent: Iterable[Claimed]) -> None:
        """Let the markers of these go soon: PostgreSQL has what they tell. Costs no round trip."""
        keys = [self._key(message.id, message.generation) for message in sent]
        if keys and self._remembered < _RECORDED_MOST:
            self._recorded.append((time.monotonic() + self._rest, keys))
            self._remembered += len(keys)
            self._any_recorded.set()

    async def write_failures(self, failures: Sequence[FailedAttempt]) -> None:
        """Mark these attempts as made, all in one round trip."""
        marked = {}
        for failure in failures:
            key = self._key(failure.id, failure.generation)
            marked[key] = self._seal(key, self._encode({_FAILED: failure}))
        self._failures.update(marked)
        await self._set([part for key_and_value in marked.items() for part in key_and_value])

    async def recorded_failures(self, failures: Sequence[FailedAttempt]) -> None:
        """Take away the markers of these, if they have any."""
        keys = [self._key(failure.id, failure.generation) for failure in failures] if self._failures else []
        written = [part for key in keys if key in self._failures for part in (key, self._failures.pop(key))]
        if not written:
            return
        try:
            await self._delete_equal(args=[self._pack(written)])
        except Exception as error:  # noqa: BLE001  see above
            log.warning("markers stay", messages=len(written) // 2, error=repr(error))

    async def wait(self) -> None:
        """Wait until something was recorded, and as long as its marker stays."""
        await self._any_recorded.wait()
        await asyncio.sleep(self._rest)

    async def run_once(self) -> None:
        """Take away what has been recorded for long enough, as far as Redis lets."""
        await self._take_away(time.monotonic())

    async def close(self) -> None:
        """Take away all that was recorded, as far as Redis lets."""
        await self._take_away(float("inf"))

    async def _take_away(self, until: float) -> None:
        while self._recorded and self._recorded[0][0] <= until:
            if not await self._set([], until):
                return
        if not self._recorded:
            self._any_recorded.clear()

    async def _set(self, keys_and_values: list[str], until: float | None = None) -> bool:
        going = self._take_recorded(time.monotonic() if until is None else until)
        recorded = [key for _, keys in going for key in keys]
        try:
            await self._write(args=[self._life, self._pack(keys_and_values), self._pack(recorded)])
        except Exception as error:  # noqa: BLE001  see above
            self._recorded.extendleft(reversed(going))
            log.warning("markers not written", messages=len(keys_and_values) // 2, error=repr(error))
            return False
        self._remembered -= len(recorded)
        return True

    def _take_recorded(self, until: float) -> list[tuple[float, list[str]]]:
        taken: list[tuple[float, list[str]]] = []
        while len(taken) < _RECORDED_AT_ONCE and self._recorded and self._recorded[0][0] <= until:
            taken.append(self._recorded.popleft())
        return taken

    def _seal(self, key: str, value: bytes) -> str:
        mac = self._new_mac()
        mac.update(key.encode() + value)
        return mac.hexdigest() + value.decode()

    def _is_sealed(self, key: str, sealed: bytes) -> bool:
        mac = self._new_mac()
        mac.update(key.encode() + sealed[_MAC_CHARS:])
        return hmac.compare_digest(mac.hexdigest().encode(), sealed[:_MAC_CHARS])

    def _read(self, message: Claimed, sealed: bytes) -> Marker | FailedAttempt | None:
        if not self._is_sealed(self._key(message.id, message.generation), sealed):
            log.warning("a marker is left aside: no process of this fleet has made it", message=message.id)
            return None
        try:
            marker = self._decode(sealed[_MAC_CHARS:])
        except msgspec.MsgspecError:  # of another version
            log.warning("a marker can't be read", message=message.id)
            return None
        if isinstance(marker, Marker):
            return marker
        failure = marker.get(_FAILED)
        return failure if failure is not None and failure.attempt == message.attempts + 1 else None

    def _key(self, message_id: str, generation: int) -> str:
        return f"{self._prefix}:sent:{message_id}:{generation}"
