"""Read one customer."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_http.customers.model import Customer, describe_customer
from sendoff_http.web.etags import ETAG, etag
from sendoff_http.web.keys import POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.paths import customer_id_of
from sendoff_http.web.problems import no_such_customer
from sendoff_http.web.responses import json_response
from sendoff_webhooks.customer_rows import find_customer

routes = Routes("Customers")


@routes.operation(
    "GET",
    "/v1/customers/{id}",
    "Read a customer",
    {200: ResponseDoc("The customer", Customer, headers=ETAG)},
    access=needs(Scope.CUSTOMERS),
    problems=(404, 503),
)
async def read_customer(request: web.Request) -> web.Response:
    """Answer with the customer; its secret is not in it."""
    customer_id = customer_id_of(request)
    async with request.app[POOL].connection() as connection:
        row = await find_customer(connection, customer_id)
    if row is None:
        raise no_such_customer(customer_id)
    return json_response(describe_customer(row), headers={"ETag": etag(row.version)})
