"""Public ids: `msg_` and 32 hexadecimal digits of a UUIDv7 (RFC 9562), so that an id tells when it was made."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

_PREFIX = "msg_"


def uuid7(unix_ms: int, entropy: bytes) -> UUID:
    """A UUIDv7 of that millisecond; `entropy` is 10 random bytes, of which 74 bits are used."""
    value = (unix_ms & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(entropy[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def first_uuid_at(moment: datetime) -> UUID:
    """The smallest UUID of that millisecond: the bound between what was made before and from then on."""
    # Integer division: a float of seconds since 1970 cannot hold every millisecond exactly.
    unix_ms = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return UUID(int=max(0, min(unix_ms, 0xFFFF_FFFF_FFFF)) << 80)


def created_at(message_id: UUID) -> datetime:
    """The moment that the id was made, to the millisecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=message_id.int >> 80)


def created_seconds(hex_id: str) -> float:
    """The same moment in Unix seconds, straight from the 32 hexadecimal digits."""
    return int(hex_id[:12], 16) / 1000


def format_message_id(message_id: UUID) -> str:
    """The public form: `msg_0192f0c1...`."""
    return _PREFIX + message_id.hex


def parse_message_id(text: str) -> UUID | None:
    """The UUID of a public id, or None if the text is none."""
    digits = text.removeprefix(_PREFIX)
    if len(text) != len(_PREFIX) + 32 or len(digits) != 32 or not set(digits) <= set("0123456789abcdef"):
        return None
    return UUID(hex=digits)
