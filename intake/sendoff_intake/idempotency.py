"""The Idempotency-Key header."""

import re

from aiohttp import web

from sendoff_domain.validation_errors import FieldError
from sendoff_http.web.problems import invalid

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_is_key = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?").fullmatch


def idempotency_key(request: web.Request) -> str | None:
    """The request's key, if it has one; raises ProblemError 422 for one that is none."""
    key = request.headers.get(HEADER)
    if key is not None and not _is_key(key):
        raise invalid([FieldError(HEADER, "expected 1 to 255 printable ASCII characters")])
    return key
