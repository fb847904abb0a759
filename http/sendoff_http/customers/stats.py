"""What came of a customer's messages, hour by hour, as the workers have counted it."""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from pydantic import Field

from sendoff_db.sql import fetch_all_as
from sendoff_domain.access import Scope
from sendoff_domain.lateness import estimate_quantile
from sendoff_http.web.documents import ResponseModel, ShownMoment
from sendoff_http.web.keys import POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.paths import customer_id_of
from sendoff_http.web.problems import no_such_customer
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import ApiModel, read_query
from sendoff_webhooks.customer_rows import find_customer

routes = Routes("Customers")

#: Hours are kept for so many (90 days).
_KEPT_HOURS = 90 * 24


class HoursQuery(ApiModel):
    """How far back."""

    hours: int = Field(default=24, ge=1, le=_KEPT_HOURS, description="So many hours back, the present one included.")


@dataclass(frozen=True, slots=True)
class HourRow:
    """A row of `list_hours.sql`."""

    hour: datetime
    failed: int
    dead: int
    latest_seconds: float
    lateness: list[int]


class CustomerHour(ResponseModel):
    """One hour; lateness is from when a message was due to its request, of those that were delivered."""

    hour: ShownMoment = Field(description="Its beginning.")
    delivered: int
    failed_attempts: int
    dead: int
    lateness_p50_seconds: float | None = Field(description="Half of them were no later; null: none was delivered.")
    lateness_p99_seconds: float | None = Field(description="An estimate, as are all between two bounds.")
    lateness_max_seconds: float | None


class CustomerStats(ResponseModel):
    """The hours in which something came of the customer's messages, the newest first."""

    data: list[CustomerHour]


@routes.operation(
    "GET",
    "/v1/customers/{id}/stats",
    "What came of a customer's messages by the hour",
    {200: ResponseDoc("The hours", CustomerStats)},
    access=needs(Scope.READ_MESSAGES),
    problems=(404, 422, 503),
    query=HoursQuery,
)
async def read_customer_stats(request: web.Request) -> web.Response:
    """Answer with the hours of the last day, or of as many hours as are asked for, 90 days at most.

    The workers add to them every five seconds; what one had counted that was killed is not in them.
    """
    customer_id, query = customer_id_of(request), read_query(request, HoursQuery)
    async with request.app[POOL].connection() as connection:
        customer = await find_customer(connection, customer_id)
        if customer is None:
            raise no_such_customer(customer_id)
        values = {"incarnation": customer.columns["incarnation"], "customer": customer_id, "hours": query.hours}
        rows = await fetch_all_as(connection, __package__, "list_hours", values, kind=HourRow)
    return json_response(CustomerStats(data=[_describe(row) for row in rows]).document())


def _describe(row: HourRow) -> CustomerHour:
    delivered = sum(row.lateness)
    return CustomerHour(
        hour=row.hour,
        delivered=delivered,
        failed_attempts=row.failed,
        dead=row.dead,
        lateness_p50_seconds=estimate_quantile(row.lateness, 0.5),
        lateness_p99_seconds=estimate_quantile(row.lateness, 0.99),
        lateness_max_seconds=row.latest_seconds if delivered else None,
    )
