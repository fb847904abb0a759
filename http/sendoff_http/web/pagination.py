"""What all lists have in common: the query, the page and its cursor, and the ids that a time of creation means."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, TypeVar
from uuid import UUID

from pydantic import BeforeValidator, Field, WithJsonSchema

from sendoff_domain.ids import first_uuid_at
from sendoff_domain.times import parse_moment
from sendoff_domain.validation_errors import FieldError
from sendoff_http.web.problems import ProblemError, invalid
from sendoff_http.web.validation import ApiModel

FIRST_ID = UUID(int=0)
LAST_ID = UUID(int=2**128 - 1)
_CURSOR_BYTES = 8 + 16
Row = TypeVar("Row")


def _parse(value: object) -> datetime:
    """In a query a `+` means a blank, and hardly any client writes %2B."""
    return parse_moment(value[:-6] + "+" + value[-5:] if isinstance(value, str) and value[-6:-5] == " " else value)


QueryMoment = Annotated[datetime, BeforeValidator(_parse), WithJsonSchema({"type": "string", "format": "date-time"})]


class PageQuery(ApiModel):
    """Which part of a list."""

    cursor: str | None = Field(default=None, max_length=100, description="The nextCursor of the page before.")
    limit: int = Field(default=50, ge=1, le=250, description="The most rows of a page.")


class CreatedQuery(PageQuery):
    """Messages of a time of creation: from createdAfter on, before createdBefore."""

    created_after: QueryMoment | None = Field(default=None, description="Created then or later.")
    created_before: QueryMoment | None = Field(default=None, description="Created before.")

    def id_range(self, kind: str) -> tuple[UUID, UUID]:
        """The ids that this page may have: from the first on, before the second."""
        low, high = id_bounds(self.created_after, self.created_before)
        if self.cursor is not None:
            high = min(high, decode_cursor(kind, self.cursor)[0])
        return low, high


def id_bounds(created_after: datetime | None, created_before: datetime | None) -> tuple[UUID, UUID]:
    """The ids of that time of creation: from the first on, before the second."""
    low = FIRST_ID if created_after is None else first_uuid_at(_next_millisecond(created_after))
    return low, LAST_ID if created_before is None else first_uuid_at(_next_millisecond(created_before))


def _next_millisecond(moment: datetime) -> datetime:
    """Ids know milliseconds only: what was created then or later has this millisecond or a later one."""
    return moment + timedelta(microseconds=-moment.microsecond % 1000)


def cut_page(rows: Sequence[Row], limit: int, cursor_of: Callable[[Row], str]) -> tuple[Sequence[Row], str | None]:
    """The rows to show and the cursor behind the last of them, None at the end of the list.

    `rows` were read with `limit + 1`: one more than is shown tells that the list goes on.
    """
    shown = rows[:limit]
    return shown, cursor_of(shown[-1]) if len(rows) > limit else None


def encode_cursor(kind: str, message_id: UUID, microseconds: int = 0) -> str:
    """A cursor behind that row; `kind` is one letter that tells the lists apart."""
    return encode_position(kind, microseconds.to_bytes(8, "big", signed=True) + message_id.bytes)


def decode_cursor(kind: str, text: str) -> tuple[UUID, int]:
    """The row that a cursor stands behind; raises ProblemError 422 for what is no cursor of this list."""
    raw = decode_position(kind, text)
    if len(raw) != _CURSOR_BYTES:
        raise no_such_cursor()
    return UUID(bytes=raw[8:]), int.from_bytes(raw[:8], "big", signed=True)


def encode_position(kind: str, position: bytes) -> str:
    """An opaque cursor that holds `position`: where a list goes on, whatever is added or taken away meanwhile."""
    return base64.urlsafe_b64encode(kind.encode() + position).decode().rstrip("=")


def decode_position(kind: str, text: str) -> bytes:
    """The position that a cursor holds, not checked further; raises ProblemError 422 for a cursor of another list."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise no_such_cursor() from None
    if raw[:1] != kind.encode():
        raise no_such_cursor()
    return raw[1:]


def no_such_cursor() -> ProblemError:
    """What was sent as a cursor is none of this list (422)."""
    return invalid([FieldError("?cursor", "expected the nextCursor of the page before")])
