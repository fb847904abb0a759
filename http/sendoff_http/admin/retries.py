"""What waits for its next attempt."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_http.admin.messages import NOTHING, asked_of
from sendoff_http.admin.pages import Pages
from sendoff_http.admin.visit import Visit
from sendoff_http.web.operation import needs
from sendoff_http.web.problems import ProblemError

pages = Pages()


@pages.page("/retries", access=needs(Scope.READ_MESSAGES))
async def show_retries(visit: Visit) -> web.Response:
    """A page of retries, the next one first."""
    asked = asked_of(visit.request.query, ("customer", "cursor"))
    problem, found = None, NOTHING
    try:
        found = await visit.read("/v1/retries", query={**asked, "limit": 50})
    except ProblemError as error:
        if error.status != 422:
            raise
        problem = error
    return await visit.page("retries.html", asked=asked, found=found, problem=problem)
