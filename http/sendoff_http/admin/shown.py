"""Values as pages show them. What is not known is a dash, never a zero."""

import json
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from sendoff_domain.times import format_moment

#: What stands where nothing is known; a screen reader says it in words.
DASH = Markup('<span class="none" aria-hidden="true">–</span><span class="unseen">unknown</span>')
_DAY_AND_TIME = "%-d %b %Y, %H:%M:%S UTC"
#: Of a long id so much is shown in a table: those that were made together differ at their end.
_HEAD, _TAIL = 8, 8


def shown_number(value: float | None) -> str:
    """A count with its thousands apart: `12,345`."""
    return DASH if value is None else f"{value:,}"


def shown_moment(value: str | datetime | None) -> str:
    """A moment in UTC, which the page's script turns into the reader's own zone; the title keeps UTC."""
    if value is None:
        return DASH
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    moment = moment.astimezone(UTC)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        format_moment(moment), moment.strftime("%Y-%m-%d %H:%M:%S.%f UTC"), moment.strftime(_DAY_AND_TIME)
    )


def shown_milliseconds(value: float | None) -> str:
    """A duration by its size: `0.8 ms`, `340 ms`, `12.4 s`, `3.2 min`, `1.5 h`."""
    if value is None:
        return DASH
    for limit, size, unit in ((10, 1, " ms"), (1000, 1, " ms"), (60_000, 1000, " s"), (3_600_000, 60_000, " min")):
        if abs(value) < limit:
            return f"{value / size:.0f}{unit}" if limit == 1000 else f"{value / size:.1f}{unit}"
    return f"{value / 3_600_000:,.1f} h"


def shown_seconds(value: float | None) -> str:
    """The same for a duration in seconds."""
    return shown_milliseconds(None if value is None else value * 1000)


def shortened(value: str) -> str:
    """An id as a table shows it: `msg_0192…8293a4b5`."""
    return value if len(value) <= _HEAD + _TAIL + 4 else f"{value[:_HEAD]}…{value[-_TAIL:]}"


def shown_json(value: Any) -> str:
    """A value as JSON for people; numbers keep their digits."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def shown_text(value: Any) -> str:
    """Any value, or the dash."""
    return DASH if value is None or value == "" else str(value)


def shown_sentence(value: str) -> str:
    """What is said in a sentence of its own: with a capital at its beginning and a full stop at its end."""
    return f"{value[:1].upper()}{value[1:].rstrip('. ')}."
