"""The Idempotency-Key header of whatever may be sent twice and done once."""

from typing import Final

from aiohttp import web
from multidict import istr

from sendoff_domain.validation_errors import FieldError
from sendoff_http.web.problems import invalid
from sendoff_intake.submission_reader import KEY_FORM, KEY_HEADER, match_idempotency_key

#: As istr, because a name that is a plain str is folded anew for each request.
_KEY = istr(KEY_HEADER)
REPLAYED_HEADER: Final = "Idempotency-Replayed"


def idempotency_key(request: web.Request) -> str | None:
    """The request's idempotency key, if it has one; raises ProblemError 422 for a header that is none."""
    key = request.headers.get(_KEY)
    if key is not None and not match_idempotency_key(key):
        raise invalid([FieldError(KEY_HEADER, f"expected {KEY_FORM}")])
    return key
