"""Customers: list, create, edit, pause, rotate their secrets, try their webhooks."""

from typing import Any

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_http.admin.customer_form import ADVANCED, CUSTOMER_FIELDS, filled_in, given_in, wrong_fields
from sendoff_http.admin.messages import asked_of
from sendoff_http.admin.pages import ROOT, Pages
from sendoff_http.admin.visit import Visit
from sendoff_http.web.operation import needs
from sendoff_http.web.problems import ProblemError

pages = Pages()

_MAY_CHANGE = needs(Scope.CUSTOMERS)
_MAY_CREATE = needs(Scope.CUSTOMERS, of_fleet=True)
_MAY_PAUSE = needs(Scope.CUSTOMERS, Scope.CONTROL)
_REFUSED = frozenset({409, 412, 422})


@pages.page("/customers", access=_MAY_CHANGE)
async def show_customers(visit: Visit) -> web.Response:
    """A page of customers by their ids."""
    asked = asked_of(visit.request.query, ("id", "paused", "cursor"))
    if asked["id"]:
        return visit.redirect(f"{ROOT}/customers/{asked['id']}")
    found = await visit.read("/v1/customers", query={"paused": asked["paused"], "cursor": asked["cursor"], "limit": 50})
    return await visit.page("customers.html", asked=asked, found=found)


@pages.page("/customers/new", access=_MAY_CREATE)
async def show_new_customer(visit: Visit) -> web.Response:
    """The form for a customer."""
    given = dict.fromkeys(("id", *CUSTOMER_FIELDS), "")
    return await visit.page("customer_form.html", customer=None, given=given, wrong={}, advanced=ADVANCED)


@pages.form("/customers/new", access=_MAY_CREATE)
async def create_customer(visit: Visit) -> web.Response:
    """Create it and show its secret, this once."""
    given = asked_of(visit.form, ("id", *CUSTOMER_FIELDS))
    try:
        document = {name: value for name, value in filled_in(given).items() if value is not None}
        reply = await visit.call(
            "POST", "/v1/customers", document={**document, **({"id": given["id"]} if given["id"] else {})}
        )
    except ProblemError as problem:
        return await _form_again(visit, None, given, problem)
    return await visit.page("customer_secret.html", id=reply.document["id"], secret=reply.document["secret"], new=True)


@pages.page("/customers/{id}", access=_MAY_CHANGE)
async def show_customer(visit: Visit) -> web.Response:
    """The customer, its breaker and its limits as they are now."""
    return await _show(visit)


@pages.page("/customers/{id}/edit", access=_MAY_CHANGE)
async def show_edit(visit: Visit) -> web.Response:
    """The form with what it is now."""
    customer = await visit.read("/v1/customers/{}", visit.part())
    return await visit.page(
        "customer_form.html", customer=customer, given=given_in(customer), wrong={}, advanced=ADVANCED
    )


@pages.form("/customers/{id}/edit", access=_MAY_CHANGE)
async def change_customer(visit: Visit) -> web.Response:
    """Change it, unless somebody else has changed it since the form was opened."""
    customer = await visit.read("/v1/customers/{}", visit.part())
    given = asked_of(visit.form, CUSTOMER_FIELDS)
    headers = {"If-Match": f'"{visit.form.get("version", "")}"'}
    try:
        patch = filled_in(given, before=customer)
        await visit.call("PATCH", "/v1/customers/{}", visit.part(), document=patch, headers=headers)
    except ProblemError as problem:
        return await _form_again(visit, customer, given, problem)
    return visit.redirect(f"{ROOT}/customers/{visit.part()}", "The customer is changed.")


@pages.form("/customers/{id}/pause", access=_MAY_PAUSE)
async def pause_customer(visit: Visit) -> web.Response:
    """Hold its messages."""
    reason = visit.form.get("reason", "").strip()
    call = ("POST", "/v1/customers/{}/pause", visit.part())
    return await visit.act("The customer is paused.", _here(visit), call, document={"reason": reason} if reason else {})


@pages.form("/customers/{id}/resume", access=_MAY_PAUSE)
async def resume_customer(visit: Visit) -> web.Response:
    """Let its messages go."""
    return await visit.act("The customer is resumed.", _here(visit), ("POST", "/v1/customers/{}/resume", visit.part()))


@pages.form("/customers/{id}/delete", access=_MAY_CHANGE)
async def delete_customer(visit: Visit) -> web.Response:
    """Delete it, if nothing waits for it any more."""
    try:
        await visit.call("DELETE", "/v1/customers/{}", visit.part())
    except ProblemError as problem:
        return visit.go_back(problem, _here(visit))
    return visit.redirect(f"{ROOT}/customers", f"The customer {visit.part()} is deleted.")


@pages.form("/customers/{id}/rotate", access=_MAY_CHANGE)
async def rotate_secret(visit: Visit) -> web.Response:
    """Give it a new secret and show it, this once."""
    grace = visit.form.get("grace", "").strip()
    try:
        reply = await visit.call(
            "POST", "/v1/customers/{}/rotate-secret", visit.part(), document={"grace": grace} if grace else {}
        )
    except ProblemError as problem:
        return visit.go_back(problem, _here(visit))
    return await visit.page("customer_secret.html", id=visit.part(), secret=reply.document["secret"], new=False)


@pages.form("/customers/{id}/test", access=_MAY_CHANGE)
async def try_webhook(visit: Visit) -> web.Response:
    """Send a test message now, and show what came of it."""
    try:
        reply = await visit.call("POST", "/v1/customers/{}/test", visit.part())
    except ProblemError as problem:
        return visit.go_back(problem, _here(visit))
    return await _show(visit, trial=reply.document)


async def _show(visit: Visit, trial: Any = None) -> web.Response:
    customer = await visit.read("/v1/customers/{}", visit.part())
    return await visit.page("customer.html", customer=customer, trial=trial)


async def _form_again(visit: Visit, customer: Any, given: dict[str, str], problem: ProblemError) -> web.Response:
    if problem.status not in _REFUSED:
        raise problem
    return await visit.page(
        "customer_form.html",
        status=problem.status,
        customer=customer,
        given=given,
        wrong=wrong_fields(problem),
        advanced=ADVANCED,
    )


def _here(visit: Visit) -> str:
    return f"{ROOT}/customers/{visit.part()}"
