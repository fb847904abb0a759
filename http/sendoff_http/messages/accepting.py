"""What both ways of accepting messages share: the status of a rejection."""

from sendoff_http.web.problems import ProblemError
from sendoff_intake.submission import Reason, Rejected

STATUSES = {
    Reason.NOT_JSON: 400,
    Reason.CONTENT_TOO_LARGE: 413,
    Reason.INVALID: 422,
    Reason.KEY_REUSED: 422,
    Reason.BACKLOG_FULL: 429,
}
#: What waits is counted once a second: to ask again earlier is of no use.
_HEADERS = {Reason.BACKLOG_FULL: {"Retry-After": "1"}}


def problem_of(rejected: Rejected) -> ProblemError:
    """The problem that answers a request whose message was rejected."""
    reason = rejected.reason
    return ProblemError(STATUSES[reason], reason, rejected.detail, errors=rejected.errors, headers=_HEADERS.get(reason))
