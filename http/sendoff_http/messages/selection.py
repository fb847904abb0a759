"""Which messages a bulk operation acts on: those that wait, for their first attempt or for another."""

from typing import ClassVar, Literal

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from sendoff_domain.message import Status
from sendoff_domain.times import Moment, PositiveDuration
from sendoff_http.web.selection import BulkOrder, Filter, Filters, absent


class ExportFilters(Filters):
    """What can be said of messages wherever they are."""

    status: Filter[Status] = absent("In this state when its turn comes.")


class ExportSelection(BulkOrder, ExportFilters):
    """Which messages to export: those that fit all filters (at least one), or `all`."""

    filters: ClassVar[tuple[str, ...]] = tuple(ExportFilters.model_fields)


class WaitingFilters(Filters):
    """What can be said of messages that wait."""

    status: Filter[Literal["scheduled", "retrying"]] = absent("In this state; either if absent.")


class WaitingSelection(BulkOrder, WaitingFilters):
    """Which messages to act on: those that wait and fit all filters (at least one), or `all` that wait."""

    filters: ClassVar[tuple[str, ...]] = tuple(WaitingFilters.model_fields)


class RescheduleSelection(WaitingSelection):
    """Which messages to move, and to when: one of deliverAt and shift."""

    deliver_at: Filter[Moment] = absent("When to deliver them; in the past means now.")
    shift: Filter[PositiveDuration] = absent("How much later than planned, such as 1h.")

    @model_validator(mode="after")
    def _exactly_one(self) -> "RescheduleSelection":
        if (self.deliver_at is None) == (self.shift is None):
            raise PydanticCustomError("one", "expected either deliverAt or shift")
        return self

    def new_time(self) -> dict[str, object]:
        """The change that the job makes."""
        return self.model_dump(mode="json", by_alias=True, include={"deliver_at", "shift"}, exclude_defaults=True)
