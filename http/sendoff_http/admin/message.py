"""One message: what became of it, why it is not delivered yet, every attempt, and what can be done."""

from typing import Any

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_domain.message import FINAL, WAITING
from sendoff_domain.times import parse_moment
from sendoff_http.admin.pages import ROOT, Pages
from sendoff_http.admin.visit import Visit
from sendoff_http.web.operation import needs

pages = Pages()

_MAY_WRITE = needs(Scope.WRITE_MESSAGES)


@pages.page("/messages/{id}", access=needs(Scope.READ_MESSAGES))
async def show_message(visit: Visit) -> web.Response:
    """The message with the timeline of its attempts and the verdict of `explain`."""
    message_id = visit.part()
    message = await visit.read("/v1/messages/{}", message_id)
    attempts = (await visit.read("/v1/messages/{}/attempts", message_id))["data"]
    explanation = await visit.read("/v1/messages/{}/explain", message_id)
    return await visit.page(
        "message.html",
        message=message,
        attempts=attempts,
        explanation=explanation,
        body=_body(message),
        is_waiting=message["status"] in WAITING,
        is_final=message["status"] in FINAL,
    )


def _body(message: dict[str, Any]) -> dict[str, Any]:
    """What is posted, the same on each attempt; the reference is its sender's alone."""
    return {name: message[name] for name in ("id", "to", "content", "metadata")}


@pages.form("/messages/{id}/cancel", access=_MAY_WRITE)
async def cancel_message(visit: Visit) -> web.Response:
    """Cancel it."""
    return await _act(visit, "The message is cancelled.", ("DELETE", "/v1/messages/{}"))


@pages.form("/messages/{id}/reschedule", access=_MAY_WRITE)
async def reschedule_message(visit: Visit) -> web.Response:
    """Move it to a moment, or to so much later from now."""
    when = visit.form.get("when", "").strip()
    try:
        parse_moment(when)
        document = {"deliverAt": when}
    except ValueError:
        document = {"delay": when}
    return await _act(visit, "The message is rescheduled.", ("PATCH", "/v1/messages/{}"), document)


@pages.form("/messages/{id}/resend", access=_MAY_WRITE)
async def resend_message(visit: Visit) -> web.Response:
    """Send it again, with fresh attempts."""
    return await _act(visit, "The message is due again.", ("POST", "/v1/messages/{}/resend"))


async def _act(visit: Visit, done: str, call: tuple[str, str], document: Any = None) -> web.Response:
    back = f"{ROOT}/messages/{visit.part()}"
    return await visit.act(done, back, (*call, visit.part()), document=document)
