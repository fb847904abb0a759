"""Read one customer."""

from aiohttp import web

from sendoff_http.answers import json_answer
from sendoff_http.customer_model import Customer
from sendoff_http.customer_rows import describe_customer, find_customer
from sendoff_http.operations import Answer, Routes
from sendoff_http.paths import customer_id_of
from sendoff_http.problems import no_such_customer
from sendoff_http.resources import POOL
from sendoff_http.versions import ETAG, etag

routes = Routes("Customers")


@routes.operation(
    "GET",
    "/v1/customers/{id}",
    "Read a customer",
    {200: Answer("The customer", Customer, headers=ETAG)},
    problems=(404, 503),
)
async def read_customer(request: web.Request) -> web.Response:
    """Answer with the customer; its secret is not in it."""
    customer_id = customer_id_of(request)
    async with request.app[POOL].connection() as connection:
        row = await find_customer(connection, customer_id)
    if row is None:
        raise no_such_customer(customer_id)
    return json_answer(describe_customer(row), headers={"ETag": etag(row.version)})
