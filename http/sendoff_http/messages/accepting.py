"""What both ways of accepting messages share: the Idempotency-Key header, and the status of a rejection."""

from typing import Final

from aiohttp import web
from multidict import istr

from sendoff_domain.validation_errors import FieldError
from sendoff_http.web.problems import ProblemError, invalid
from sendoff_intake.submission import Reason, Rejected
from sendoff_intake.submission_reader import KEY_FORM, KEY_HEADER, match_idempotency_key

#: As istr, because a name that is a plain str is folded anew for each request.
_KEY = istr(KEY_HEADER)
REPLAYED_HEADER: Final = "Idempotency-Replayed"

STATUSES = {
    Reason.NOT_JSON: 400,
    Reason.CONTENT_TOO_LARGE: 413,
    Reason.INVALID: 422,
    Reason.KEY_REUSED: 422,
    Reason.BACKLOG_FULL: 429,
}
#: What waits is counted once a second: to ask again earlier is of no use.
_HEADERS = {Reason.BACKLOG_FULL: {"Retry-After": "1"}}


def idempotency_key(request: web.Request) -> str | None:
    """The request's idempotency key, if it has one; raises ProblemError 422 for a header that is none."""
    key = request.headers.get(_KEY)
    if key is not None and not match_idempotency_key(key):
        raise invalid([FieldError(KEY_HEADER, f"expected {KEY_FORM}")])
    return key


def problem_of(rejected: Rejected) -> ProblemError:
    """The problem that answers a request whose message was rejected."""
    reason = rejected.reason
    return ProblemError(STATUSES[reason], reason, rejected.detail, errors=rejected.errors, headers=_HEADERS.get(reason))
