"""Which dead letters a bulk operation acts on."""

from typing import ClassVar

from sendoff_domain.message import DeathReason
from sendoff_http.web.body import JSON
from sendoff_http.web.operation import Body
from sendoff_http.web.selection import BulkOrder, Filter, Filters, absent


class DeadLetterFilters(Filters):
    """The filters of the list."""

    reason: Filter[DeathReason] = absent("Dead for this reason.")


class Selection(BulkOrder, DeadLetterFilters):
    """Which dead letters to act on: those that fit all filters (at least one), or `all` of them."""

    filters: ClassVar[tuple[str, ...]] = tuple(DeadLetterFilters.model_fields)


SELECTION_BODY = Body(
    {JSON: Selection},
    {
        "count": {"reason": "exhausted", "dryRun": True},
        "of one customer": {"customer": "acme"},
        "fifty a second, once it is resumed": {"customer": "acme", "rate": 50, "hold": True},
        "all": {"all": True},
    },
)
