"""Messages: find them by recipient, id, reference or metadata, and send one."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from sendoff_domain.access import Scope
from sendoff_domain.ids import parse_message_id
from sendoff_domain.strict_json import NotJsonError, parse_json
from sendoff_http.admin.pages import ROOT, Pages
from sendoff_http.admin.visit import Visit
from sendoff_http.web.operation import needs
from sendoff_http.web.problems import ProblemError

pages = Pages()

_LIMIT = 50
_FIELDS = ("q", "status", "customer", "metadata", "createdAfter", "createdBefore", "cursor")
#: The page of a list that could not be read.
NOTHING: Mapping[str, Any] = {"data": [], "nextCursor": None}
_NEW = ("to", "customer", "content", "reference", "delay")


@pages.page("/messages", access=needs(Scope.READ_MESSAGES))
async def show_messages(visit: Visit) -> web.Response:
    """A page of messages; what looks like an id leads to that message."""
    asked = asked_of(visit.request.query, _FIELDS)
    if parse_message_id(asked["q"]) is not None:
        return visit.redirect(f"{ROOT}/messages/{asked['q']}")
    problem, found_by, found = None, "", NOTHING
    try:
        found_by, found = await _find(visit, asked)
    except ProblemError as error:
        if error.status != 422:
            raise
        problem = error
    return await visit.page("messages.html", asked=asked, found=found, found_by=found_by, problem=problem)


async def _find(visit: Visit, asked: Mapping[str, str]) -> tuple[str, Any]:
    """How the text of the search was taken, and a page: messages of that reference, or else to that recipient."""
    query: dict[str, Any] = {name: asked[name] for name in ("status", "customer", "createdAfter", "createdBefore")}
    query |= {"limit": _LIMIT, "cursor": asked["cursor"], **_metadata(asked["metadata"])}
    text = asked["q"]
    if not text:
        return "", await visit.read("/v1/messages", query=query)
    try:
        found = await visit.read("/v1/messages", query={**query, "reference": text})
    except ProblemError as error:
        if error.status != 422 or all(one.pointer != "?reference" for one in error.errors):
            raise
        found = None  # no reference looks like this
    if found is not None and (found["data"] or found["nextCursor"]):
        return "reference", found
    return "to", await visit.read("/v1/messages", query={**query, "to": text})


def _metadata(text: str) -> dict[str, str]:
    """`orderId=4711` as the parameter that asks for it."""
    name, equals, value = text.partition("=")
    return {f"metadata.{name.strip()}": value.strip()} if equals else {}


@pages.page("/messages/new", access=needs(Scope.WRITE_MESSAGES))
async def show_new_message(visit: Visit) -> web.Response:
    """The form for a message."""
    given = {**dict.fromkeys(_NEW, ""), "customer": visit.caller.customer or ""}
    return await visit.page("message_new.html", given=given, wrong={})


@pages.form("/messages/new", access=needs(Scope.WRITE_MESSAGES))
async def send_message(visit: Visit) -> web.Response:
    """Accept the message, and go on to it; what is wrong is said beside its field."""
    given = {name: visit.form.get(name, "").strip() for name in _NEW}
    document = {name: given[name] for name in ("to", "customer", "reference", "delay") if given[name]}
    try:
        reply = await visit.call("POST", "/v1/messages", document={**document, "content": _content(given["content"])})
    except ProblemError as problem:
        if problem.status not in (413, 422, 429):
            raise
        wrong = {error.pointer.strip("/"): error.detail for error in problem.errors} or {"to": problem.detail}
        return await visit.page("message_new.html", status=422, given=given, wrong=wrong)
    message_id = reply.headers["Location"].rpartition("/")[2]
    if visit.access_table.may_open(visit.caller, "/messages/{id}"):
        return visit.redirect(f"{ROOT}/messages/{message_id}", "The message is accepted.")
    return visit.redirect(f"{ROOT}/messages/new", f"The message is accepted: {message_id}.")


def _content(text: str) -> Any:
    """An object or an array if it is one in JSON, and a text otherwise."""
    if text[:1] in ("{", "["):
        try:
            return parse_json(text.encode())
        except NotJsonError:
            pass
    return text


def asked_of(query: MultiMapping[str], names: tuple[str, ...]) -> dict[str, str]:
    """What a list's filters say, each once; empty where nothing was asked."""
    return {name: query.get(name, "").strip() for name in names}
