"""Public ids: `msg_` and the digits of a UUIDv7 (RFC 9562), which tells when it was made; and their random bytes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

_PREFIX = "msg_"
#: How the id of an API key begins.
KEY_ID_PREFIX = "key_"
_JOB_PREFIX = "job_"
#: The bits that are random, and version and variant where they stand.
_FREE = (1 << 80) - 1 & ~(0xF << 76 | 0x3 << 62)
_MARKS = 0x7 << 76 | 0x2 << 62
#: The random bytes of a hexadecimal UUIDv7.
UUID7_ENTROPY_BYTES = 10
_PIECES_PER_CALL = 500


class Entropy:
    """Cuts random bytes into pieces of one size; `random_bytes`, as `os.urandom`, is asked for 500 pieces at a time.

    The kernel's bytes cost a system call, which counts under load. A process that is forked off would give the same
    pieces once more, so each process makes its own.
    """

    def __init__(self, random_bytes: Callable[[int], bytes], size: int) -> None:
        self._random_bytes = random_bytes
        self._size = size
        self._pieces: list[bytes] = []

    def take(self) -> bytes:
        """A piece that was not given before."""
        if not self._pieces:
            block = self._random_bytes(self._size * _PIECES_PER_CALL)
            self._pieces = [block[start : start + self._size] for start in range(0, len(block), self._size)]
        return self._pieces.pop()


def hex_uuid7(unix_ms: int, entropy: bytes) -> str:
    """The 32 hexadecimal digits of a UUIDv7 of that millisecond; of the 10 random bytes, 74 bits are used.

    A UUID object costs more than all the rest of an id.
    """
    value = (unix_ms & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(entropy[:10], "big") & _FREE | _MARKS
    return f"{value:032x}"


def first_uuid_at(moment: datetime) -> UUID:
    """The smallest UUID of that millisecond: the bound between what was made before and from then on."""
    # Integer division: a float of seconds since 1970 cannot hold every millisecond exactly.
    unix_ms = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return UUID(int=max(0, min(unix_ms, 0xFFFF_FFFF_FFFF)) << 80)


def created_at(message_id: UUID) -> datetime:
    """When an id was made, to the millisecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=message_id.int >> 80)


def created_ms(hex_id: str) -> int:
    """When an id was made, in Unix milliseconds, from its 32 hexadecimal digits; twelve of them are enough."""
    return int(hex_id[:12], 16)


def created_seconds(hex_id: str) -> float:
    """When an id was made, in Unix seconds, from its hexadecimal digits."""
    return created_ms(hex_id) / 1000


def format_message_id(message_id: UUID) -> str:
    """The public form: `msg_0192f0c1...`."""
    return _PREFIX + message_id.hex


def parse_message_id(text: str) -> UUID | None:
    """The UUID of a public id, or None if the text is none."""
    return UUID(hex=text[len(_PREFIX) :]) if _is_id(_PREFIX, text) else None


def format_job_id(job_id: UUID) -> str:
    """The public form of a job's id: `job_0192f0c1...`."""
    return _JOB_PREFIX + job_id.hex


def parse_job_id(text: str) -> UUID | None:
    """The UUID of a job's public id, or None if the text is none."""
    return UUID(hex=text[len(_JOB_PREFIX) :]) if _is_id(_JOB_PREFIX, text) else None


def is_key_id(text: str) -> bool:
    """Whether a text has the form of an API key's id."""
    return _is_id(KEY_ID_PREFIX, text)


def _is_id(prefix: str, text: str) -> bool:
    digits = text.removeprefix(prefix)
    return len(text) == len(prefix) + 32 and len(digits) == 32 and set(digits) <= set("0123456789abcdef")
