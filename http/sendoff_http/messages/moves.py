"""What the moves that the API makes have in common: how often one is tried, and how it is refused."""

from sendoff_http.web.problems import ProblemError
from sendoff_intake.message_rows import MessageRow

#: A statement can miss a message that goes from one place to another at this very moment, so it is run again.
TRIES = 3


def wrong_state(row: MessageRow, wish: str) -> ProblemError:
    """409 with `messageStatus`: in RFC 9457 `status` is the status of HTTP."""
    detail = f"the message is {row.status} and cannot be {wish}"
    return ProblemError(409, "wrong_state", detail, extra={"messageStatus": row.status})


def customer_gone() -> ProblemError:
    """409: a message that is to be sent again is a deleted customer's, whoever has that id now."""
    return ProblemError(409, "customer_gone", "its customer was deleted, so there is nobody to send it to")
