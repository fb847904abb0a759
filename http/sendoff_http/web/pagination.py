"""What all lists have in common: the query, the page, and the range of ids that a time of creation means."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, Field, WithJsonSchema

from sendoff_domain.ids import first_uuid_at
from sendoff_domain.times import parse_moment
from sendoff_http.web.cursor import decode_cursor
from sendoff_http.web.validation import ApiModel

FIRST_ID = UUID(int=0)
LAST_ID = UUID(int=2**128 - 1)


def _parse(value: object) -> datetime:
    """In a query a `+` means a blank, and hardly anybody writes %2B."""
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
