"""Dead letters: grouped by customer and reason; inspect them, resend or delete one, those chosen, or all that match."""

import secrets
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from sendoff_db.sql import fetch_all
from sendoff_domain.access import Scope
from sendoff_domain.ids import parse_message_id
from sendoff_http.admin.messages import NOTHING, asked_of
from sendoff_http.admin.notices import Notice
from sendoff_http.admin.pages import ROOT, Pages
from sendoff_http.admin.visit import Visit
from sendoff_http.web.keys import POOL
from sendoff_http.web.operation import needs
from sendoff_http.web.problems import ProblemError
from sendoff_intake.submission_reader import KEY_HEADER

pages = Pages()

_MAY_ACT = needs(Scope.DEAD_LETTERS)
_LIMIT = 50
_FILTERS = ("customer", "reason", "to", "createdAfter", "createdBefore")
#: Groups are made of so many of the newest; beyond, a page would take longer the more there are.
_GROUPED = 10_000
_MOST_GROUPS = 50
_HERE = f"{ROOT}/dead-letters"
#: What an action is called in the API, and what the page says of it.
_ACTIONS = {"resend": ("resend", "resent"), "delete": ("purge", "deleted")}


@pages.page("/dead-letters", access=needs(Scope.DEAD_LETTERS, Scope.READ_MESSAGES))
async def show_dead_letters(visit: Visit) -> web.Response:
    """A page of dead letters, and their groups above it; what looks like an id leads to that letter."""
    asked = asked_of(visit.request.query, (*_FILTERS, "cursor"))
    if parse_message_id(asked["to"]) is not None:
        return visit.redirect(f"{ROOT}/messages/{asked['to']}")
    problem, found = None, NOTHING
    try:
        found = await visit.read("/v1/dead-letters", query={**asked, "limit": _LIMIT})
    except ProblemError as error:
        if error.status != 422:
            raise
        problem = error
    groups, is_more = await _groups(visit)
    return await visit.page(
        "dead_letters.html",
        asked=asked,
        found=found,
        problem=problem,
        groups=groups,
        is_more=is_more,
        grouped=_GROUPED,
        once=secrets.token_urlsafe(16),
    )


async def _groups(visit: Visit) -> tuple[Sequence[Any], bool]:
    """Customer, reason and number of each group, the largest first; and whether there are older dead letters."""
    customer = visit.caller.customer
    statement = "group_dead_letters" if customer is None else "group_dead_letters_of_customer"
    values = {"customer": customer, "grouped": _GROUPED, "limit": _MOST_GROUPS}
    async with visit.request.app[POOL].connection() as connection:
        rows = await fetch_all(connection, __package__, statement, values)
    return rows, bool(rows) and rows[0][3] >= _GROUPED


@pages.form("/dead-letters/chosen", access=_MAY_ACT)
async def act_on_chosen(visit: Visit) -> web.Response:
    """Resend or delete those that were chosen, one by one; those that are gone already are counted apart."""
    action = visit.form.get("action", "")
    ids = visit.form.getall("id", [])[:_LIMIT]
    if action not in _ACTIONS or not ids:
        return visit.redirect(_HERE, Notice("Not done: choose at least one dead letter.", "bad"))
    done, refused = 0, ""
    for message_id in ids:
        try:
            await _act_on_one(visit, action, message_id)
            done += 1
        except ProblemError as problem:
            if problem.status not in (404, 409):
                raise
            refused = f" {len(ids) - done} not: {problem.detail}."
    return visit.redirect(_HERE, Notice(f"{done} {_ACTIONS[action][1]}.{refused}", "bad" if refused else "good"))


@pages.form("/dead-letters/{id}/resend", access=_MAY_ACT)
async def resend_one(visit: Visit) -> web.Response:
    """Send it again, and see what becomes of it."""
    message_id = visit.part()
    call = ("POST", "/v1/dead-letters/{}/resend", message_id)
    return await visit.act("The message is due again.", f"{ROOT}/messages/{message_id}", call)


@pages.form("/dead-letters/{id}/delete", access=_MAY_ACT)
async def delete_one(visit: Visit) -> web.Response:
    """Delete it for good."""
    return await visit.act("The dead letter is deleted.", _HERE, ("DELETE", "/v1/dead-letters/{}", visit.part()))


@pages.form("/dead-letters/all", access=_MAY_ACT)
async def select_all(visit: Visit) -> web.Response:
    """Make a job of all that match, counted and held, and go to its page, where it is started or cancelled.

    The same page sent twice makes one job: `once` is its own.
    """
    action, asked = visit.form.get("action", ""), asked_of(visit.form, _FILTERS)
    if action not in _ACTIONS:
        raise ProblemError(404, "not_found", "there is no such action")
    selection: dict[str, Any] = {name: value for name, value in asked.items() if value} or {"all": True}
    once = visit.form.get("once", "")
    headers = {KEY_HEADER: f"{action}-{once}"} if once else {}
    path = f"/v1/dead-letters/{_ACTIONS[action][0]}"
    try:
        job = (await visit.call("POST", path, document={**selection, "hold": True}, headers=headers)).document
    except ProblemError as problem:
        return visit.go_back(problem, _HERE)
    if not job["matched"]:
        return visit.redirect(_HERE, Notice("Not done: no dead letter matches any more.", "bad"))
    return visit.redirect(f"{ROOT}/jobs/{job['id']}")


async def _act_on_one(visit: Visit, action: str, message_id: str) -> None:
    if action == "resend":
        await visit.call("POST", "/v1/dead-letters/{}/resend", message_id)
    else:
        await visit.call("DELETE", "/v1/dead-letters/{}", message_id)
