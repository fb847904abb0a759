"""The overview: whether the fleet runs, what needs attention, and the last hour."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from sendoff_db.sql import fetch_all_as
from sendoff_domain.access import Scope
from sendoff_http.admin.attention import Troubled, find_concerns
from sendoff_http.admin.charts import Chart, draw_chart
from sendoff_http.admin.pages import ROOT, Pages
from sendoff_http.admin.samples import SAMPLES, Backlog, Hour, read_backlog, read_lateness
from sendoff_http.admin.shown import shown_milliseconds
from sendoff_http.admin.visit import Visit
from sendoff_http.web.authentication import bound_key
from sendoff_http.web.keys import POOL
from sendoff_http.web.operation import needs

pages = Pages()

_MOST_TROUBLED = 6
_ANY_READER = needs(Scope.READ_MESSAGES, Scope.CONTROL, Scope.DEAD_LETTERS, Scope.CUSTOMERS, Scope.WRITE_MESSAGES)


@pages.page("/", access=_ANY_READER)
async def show_overview(visit: Visit) -> web.Response:
    """The overview, or for those who may not see the whole fleet the first page that they may see."""
    if not visit.access_table.may_open(visit.caller, "/live"):
        return visit.redirect(_first_page(visit))
    return await visit.page("overview.html", **await _figures(visit))


@pages.page("/live", access=needs(Scope.READ_MESSAGES, Scope.CONTROL, of_fleet=True))
async def show_figures(visit: Visit) -> web.Response:
    """What of the overview changes all the time, for the script that puts it in its place."""
    return await visit.page("live.html", **await _figures(visit))


def _first_page(visit: Visit) -> str:
    for path in ("/messages", "/dead-letters", "/customers", "/messages/new"):
        if visit.access_table.may_open(visit.caller, path):
            return ROOT + path
    raise bound_key(visit.caller, "no page is about what this key may do")


async def _figures(visit: Visit) -> dict[str, Any]:
    async with visit.request.app[POOL].connection() as connection:
        backlog = await read_backlog(connection)
        lateness = await read_lateness(connection)
        troubled = await fetch_all_as(
            connection, __package__, "list_troubled_customers", {"limit": _MOST_TROUBLED}, kind=Troubled
        )
    hour = await visit.request.app[SAMPLES].hour()
    fleet = await visit.read_fleet()
    return {
        "fleet": fleet,
        "backlog": backlog,
        "lateness": lateness,
        "rate": _per_second(next((sent.rate for sent in reversed(hour.sent[-2:]) if sent is not None), None)),
        "concerns": find_concerns(fleet, backlog, troubled),
        "charts": _charts(hour),
    }


def _charts(hour: Hour) -> list[Chart]:
    sent, backlog = hour.sent, hour.backlog
    return [
        draw_chart(
            "throughput", "Throughput", [("sent", [None if one is None else one.rate for one in sent])], _per_second
        ),
        draw_chart(
            "lateness",
            "Lateness",
            [
                ("p99", [None if one is None else one.p99 for one in sent]),
                ("p50", [None if one is None else one.p50 for one in sent]),
            ],
            lambda value: str(shown_milliseconds(value)),
        ),
        draw_chart("due", "Due", [("due", _counts(backlog, "due"))], _count),
        draw_chart("retrying", "Retrying", [("retrying", _counts(backlog, "retrying"))], _count),
        draw_chart("dead", "Dead", [("dead", _counts(backlog, "dead"))], _count),
    ]


def _counts(backlog: Sequence[Backlog | None], name: str) -> list[float | None]:
    return [None if one is None else getattr(one, name) for one in backlog]


def _per_second(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}/s" if value >= 10 or value == int(value) else f"{value:.1f}/s"


def _count(value: float | None) -> str:
    """A number of messages: half of an odd scale is none."""
    return "" if value is None or value != int(value) else f"{value:,.0f}"
