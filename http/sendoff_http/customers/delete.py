"""Delete a customer that nothing waits for any more."""

from aiohttp import web
from psycopg.errors import ForeignKeyViolation

from sendoff_db.audit import audited
from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all
from sendoff_domain.access import Scope
from sendoff_domain.event_receivers import EVENTS_CUSTOMER
from sendoff_domain.texts import DEFAULT_CUSTOMER
from sendoff_http.web.auditing import entry_of
from sendoff_http.web.etags import HEADER, read_expected, require_expected
from sendoff_http.web.key_cache import KEY_CACHE
from sendoff_http.web.keys import BACKLOGS, MEMBER, POOL, SETTINGS
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.paths import customer_id_of
from sendoff_http.web.problems import ProblemError, no_such_customer
from sendoff_webhooks.customer_rows import find_customer

routes = Routes("Customers")


@routes.operation(
    "DELETE",
    "/v1/customers/{id}",
    "Delete a customer",
    {204: ResponseDoc("It is gone, and its keys with it; what was sent and what is dead stays its own")},
    access=needs(Scope.CUSTOMERS),
    problems=(404, 409, 412, 422, 503),
    headers=HEADER,
)
async def delete_customer(request: web.Request) -> web.Response:
    """Answer 204 once it is gone; 409 while messages of it wait.

    A message that is accepted at this very moment finds no webhook, and becomes a dead letter by its retries, even if
    there is another customer of this id by then: nothing that is kept of this one becomes that one's.
    """
    customer_id, expected = customer_id_of(request), read_expected(request)
    if customer_id == DEFAULT_CUSTOMER:
        raise ProblemError(409, "customer_configured", "the default customer belongs to config.yaml and stays")
    if customer_id == EVENTS_CUSTOMER and request.app[SETTINGS].events.webhook.url is not None:
        raise ProblemError(409, "customer_configured", "the customer has a webhook in config.yaml (events.webhook)")
    versions = None if expected is None else sorted(expected)
    async with request.app[POOL].connection() as connection, audited(connection) as audit:
        due, retries, deleted = await _delete(connection, customer_id, versions)
        if deleted:
            audit.append(entry_of(request, "customer.delete", customer_id, customer=customer_id))
        row = None if deleted else await find_customer(connection, customer_id)
    if not deleted:
        if row is None:
            raise no_such_customer(customer_id)
        require_expected(expected, row.version)
        raise _in_use(due, retries)
    request.app[KEY_CACHE].forget_customer(customer_id)
    request.app[BACKLOGS].forget(customer_id)
    request.app[MEMBER].publisher.customer_changed(customer_id)
    return web.Response(status=204)


async def _delete(connection: Connection, customer_id: str, versions: list[int] | None) -> tuple[int, int, bool]:
    values = {"id": customer_id, "versions": versions}
    try:
        ((due, retries, deleted),) = await fetch_all(connection, __package__, "delete_customer", values)
    except ForeignKeyViolation:
        detail = "another customer gets its events (eventsOf): delete that one first"
        raise ProblemError(409, "customer_in_use", detail) from None
    return due, retries, deleted


def _in_use(due: int, retries: int) -> ProblemError:
    detail = f"{due} of its messages are due or scheduled and {retries} wait for a retry: cancel them, or let them end"
    return ProblemError(409, "customer_in_use", detail, extra={"due": due, "retries": retries})
