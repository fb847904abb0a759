"""A customer as a form: texts that a person can fill in, to and from the document of the API."""

import json
from collections.abc import Mapping
from typing import Any

from sendoff_domain.strict_json import NotJsonError, parse_json
from sendoff_domain.validation_errors import FieldError
from sendoff_domain.webhook_headers import MASK
from sendoff_http.web.problems import ProblemError, invalid

_TEXTS = ("name", "description", "webhookUrl", "timeout", "connectTimeout")
_LIMITS = ("rate", "per", "concurrency", "backlog")
#: Sections that are written as JSON: what each is, for people.
ADVANCED = {
    "retry": "When a failed attempt is repeated",
    "responseRule": "Which answers count as delivered",
    "breaker": "When messages are held because the webhook fails",
}
CUSTOMER_FIELDS = (*_TEXTS, "headers", *_LIMITS, *ADVANCED)


def given_in(customer: Mapping[str, Any]) -> dict[str, str]:
    """The fields of the form that shows this customer."""
    limits = customer["limits"]
    return {
        **{name: _text(customer[name]) for name in _TEXTS},
        "headers": "\n".join(f"{name}: {value}" for name, value in customer["headers"].items()),
        **{name: _text(limits[name]) for name in _LIMITS},
        **{name: json.dumps(customer[name], indent=2, ensure_ascii=False) for name in ADVANCED},
    }


def filled_in(given: Mapping[str, str], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The document of a form, or the patch of the customer that it changes; an empty field brings back the default.

    Raises ProblemError 422 for what is no JSON, no number or no header.
    """
    old = {} if before is None else given_in(before)
    # A browser sends the lines of a text with CR LF.
    new = {name: value.replace("\r\n", "\n") for name, value in given.items()}
    changed = {name for name in CUSTOMER_FIELDS if new[name] != old.get(name, "").strip()}
    document: dict[str, Any] = {name: new[name] or None for name in _TEXTS if name in changed}
    if "headers" in changed:
        document["headers"] = _headers(new["headers"], {} if before is None else before["headers"])
    limits = {name: _limit(name, new[name]) for name in _LIMITS if name in changed}
    if limits:
        document["limits"] = limits if before is not None else {k: v for k, v in limits.items() if v is not None}
    return document | {name: _json(name, new[name]) for name in ADVANCED if name in changed}


def wrong_fields(problem: ProblemError) -> dict[str, str]:
    """What is wrong by the field that it stands at; under an empty name what concerns all of it."""
    wrong: dict[str, str] = {}
    for error in problem.errors:
        first, _, rest = error.pointer.strip("/").partition("/")
        name = rest if first == "limits" and rest in _LIMITS else first
        inside = f"{rest}: " if rest and name == first else ""
        wrong.setdefault(name if name in ("id", *CUSTOMER_FIELDS) else "", inside + error.detail)
    return wrong or {"": problem.detail}


def _headers(text: str, before: Mapping[str, str]) -> dict[str, str | None]:
    """The headers, one a line; a value that is shown as a mask stays as it is."""
    headers: dict[str, str | None] = {}
    for line in filter(str.strip, text.split("\n")):
        name, colon, value = line.partition(":")
        if not colon:
            raise invalid([FieldError("/headers", f"expected lines such as X-Team: parcels, got {line[:40]!r}")])
        headers[name.strip()] = value.strip()
    given = {name.lower() for name in headers}
    removed = dict.fromkeys(name for name in before if name.lower() not in given)
    return {name: value for name, value in headers.items() if value != MASK} | removed


def _limit(name: str, text: str) -> int | str | None:
    if not text or name == "per":
        return text or None
    try:
        return int(text)
    except ValueError:
        raise invalid([FieldError(f"/limits/{name}", "expected a whole number, or nothing for no limit")]) from None


def _json(name: str, text: str) -> Any:
    if not text:
        return None
    try:
        return parse_json(text.encode())
    except NotJsonError as error:
        raise invalid([FieldError(f"/{name}", f"expected JSON: {error}")]) from None


def _text(value: Any) -> str:
    return "" if value is None else str(value)
