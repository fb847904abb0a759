"""Move a message's delivery, or its next attempt, to another time."""

from aiohttp import web
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from sendoff_domain.access import Scope
from sendoff_domain.message import WAITING
from sendoff_domain.times import Duration, Moment
from sendoff_domain.validation_errors import FieldError
from sendoff_http.messages.model import Message
from sendoff_http.messages.moves import TRIES, wrong_state
from sendoff_http.web.body import JSON, read_model
from sendoff_http.web.keys import CALLER, POOL
from sendoff_http.web.operation import Body, ResponseDoc, Routes, needs
from sendoff_http.web.paths import message_id_of
from sendoff_http.web.problems import invalid, no_such_message
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import ApiModel
from sendoff_intake.message_rows import MessageRow, describe_row, load_message
from sendoff_intake.moves.waiting import NewTime, reschedule

routes = Routes("Messages")


class Reschedule(ApiModel):
    """When to deliver instead: one of the two."""

    deliver_at: Moment | None = Field(default=None, description="When to deliver it; in the past means now.")
    delay: Duration | None = Field(default=None, description="How long from now.")

    @model_validator(mode="after")
    def _exactly_one(self) -> "Reschedule":
        if (self.deliver_at is None) == (self.delay is None):
            raise PydanticCustomError("one", "expected either deliverAt or delay")
        return self


@routes.operation(
    "PATCH",
    "/v1/messages/{id}",
    "Move a delivery to another time",
    {200: ResponseDoc("The message as it is now", Message)},
    access=needs(Scope.WRITE_MESSAGES),
    problems=(400, 404, 409, 413, 415, 422, 503),
    body=Body({JSON: Reschedule}, {"later": {"delay": "10m"}}),
)
async def reschedule_message(request: web.Request) -> web.Response:
    """Answer with the moved message; 409 once it is being sent or is at its end."""
    message_id, customer = message_id_of(request), request[CALLER].customer
    wish = await read_model(request, Reschedule)
    new_time = NewTime(deliver_at=wish.deliver_at, delay=wish.delay)
    async with request.app[POOL].connection() as connection:
        for _ in range(TRIES):
            moved = await reschedule(connection, [message_id], new_time, customer)
            row = await load_message(connection, message_id, customer)
            if moved or row is None or row.status not in WAITING or row.expires_at is not None:
                break
    if row is None:
        raise no_such_message(request.match_info["id"])
    if not moved:
        raise _why_not_moved(row, wish)
    return json_response(describe_row(row))


def _why_not_moved(row: MessageRow, wish: Reschedule) -> Exception:
    if row.status in WAITING and row.expires_at is not None:
        field = "/deliverAt" if wish.delay is None else "/delay"
        return invalid([FieldError(field, f"expected a moment before expiresAt ({row.expires_at.isoformat()})")])
    return wrong_state(row, "rescheduled")
