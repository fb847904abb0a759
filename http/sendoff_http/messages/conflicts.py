"""A move that the message's present state does not allow."""

from sendoff_http.messages.rows import MessageRow
from sendoff_http.web.problems import ProblemError


def wrong_state(row: MessageRow, wish: str) -> ProblemError:
    """409 with `messageStatus`: in RFC 9457 `status` is the status of HTTP."""
    detail = f"the message is {row.status} and cannot be {wish}"
    return ProblemError(409, "wrong_state", detail, extra={"messageStatus": row.status})
