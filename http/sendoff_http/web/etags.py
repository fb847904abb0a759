"""Optimistic updates: the version of a thing as its ETag, and `If-Match` against it (RFC 9110)."""

import re
from collections.abc import Set

from aiohttp import web

from sendoff_domain.validation_errors import FieldError
from sendoff_http.web.problems import ProblemError, invalid

HEADER = {"If-Match": 'The ETag of the version to change, such as `"3"`; without it the last change wins.'}
ETAG = {"ETag": "The version"}

_is_list = re.compile(r'[\s,]*(?:(?:W/)?"[\x21\x23-\x7e]*"[ \t]*(?:,[\s,]*|$))*').fullmatch
_find_strong = re.compile(r'(?<!W/)"([1-9][0-9]{0,17})"').findall


def etag(version: int) -> str:
    """The ETag of that version."""
    return f'"{version}"'


def read_expected(request: web.Request) -> Set[int] | None:
    """The versions that `If-Match` names, or None if any will do; raises ProblemError 422 for what is no ETag.

    An empty header names no version, and so none fits (RFC 9110 13.1.1): the client lost the one that it had.
    """
    lines = request.headers.getall("If-Match", [])
    given = ",".join(lines)
    if not lines or given.strip() == "*":
        return None
    if _is_list(given) is None:
        raise invalid([FieldError("If-Match", 'expected an ETag in quotes such as "3"')])
    return frozenset(int(text) for text in _find_strong(given))


def require_expected(expected: Set[int] | None, version: int) -> None:
    """Raise ProblemError 412 with the present version unless it is one of those that are expected."""
    if expected is not None and version not in expected:
        detail = f"it was changed in the meantime and has version {version} now"
        raise ProblemError(412, "version_mismatch", detail, headers={"ETag": etag(version)}, extra={"version": version})
