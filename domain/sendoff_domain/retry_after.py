"""The Retry-After header: seconds or an HTTP date (RFC 9110, section 10.2.3)."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_LONGEST_SECONDS = 10**9


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """How long the receiver asks to wait, seen from `now` (aware); None when it does not say so in a known form."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text.lstrip("0")[:12] or 0), _LONGEST_SECONDS))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(moment - now, timedelta(0))
