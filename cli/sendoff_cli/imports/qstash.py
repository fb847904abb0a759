"""Messages that wait in QStash, as its API shows them: one, an array, `{"messages": [...]}`, or one in each line.

`GET /v2/messages/{id}` has one, `GET /v2/dlq` those that failed, `GET /v2/schedules` what recurs: that is left out.
"""

import base64
import binascii
from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from sendoff_cli.imports.source_line import Source, SourceLine
from sendoff_domain.errors import SendoffError
from sendoff_domain.strict_json import NotJsonError, parse_json
from sendoff_domain.times import format_moment
from sendoff_intake.jobs.import_lines import KEY_MEMBER

#: More is no list that somebody has saved.
_LARGEST = 256 * 1024 * 1024
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, binascii.Error)


@dataclass(frozen=True, slots=True, kw_only=True)
class QStashMessages:
    """Which messages, and whose they become: by their URL, or else `customer`."""

    path: Path
    customer: str | None = None
    to: str | None = None
    customers: Mapping[str, str] = field(default_factory=dict)


class _SkippedError(Exception):
    """A message is left out, and why."""


def read_qstash(wanted: QStashMessages) -> Source:
    """The messages of the file; raises SendoffError for a file that is none of QStash's."""
    skipped: Counter[str] = Counter()
    return Source(_lines(wanted, skipped), skipped)


def _lines(wanted: QStashMessages, skipped: Counter[str]) -> Generator[SourceLine, None, None]:
    for number, found in enumerate(_documents(wanted.path), 1):
        try:
            yield SourceLine(number, _message(found, wanted))
        except _SkippedError as why:
            skipped[str(why)] += 1
        except _UNREADABLE:
            skipped["not a message"] += 1


def _documents(path: Path) -> list[Any]:
    if path.stat().st_size > _LARGEST:
        raise SendoffError(f"{path} is larger than {_LARGEST // 1024**2} MiB: cut it into parts")
    text = path.read_bytes()
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError:
        found = _each_line(path, text)
    if isinstance(found, dict):
        found = found.get("messages", [found])
    if not isinstance(found, list):
        raise SendoffError(f"{path}: expected messages of QStash, as its API shows them")
    return found


def _each_line(path: Path, text: bytes) -> list[Any]:
    try:
        return msgspec.json.Decoder().decode_lines(text)
    except msgspec.DecodeError as error:
        raise SendoffError(f"{path} is no JSON: {error}") from None


def _message(found: Mapping[str, Any], wanted: QStashMessages) -> bytes:
    if "cron" in found:
        raise _SkippedError("a schedule with cron: there is no recurrence")
    message_id, url = found["messageId"], found["url"]
    customer = wanted.customers.get(url, wanted.customer)
    if customer is None:
        raise _SkippedError(f"nobody's: say whose by --destination {url}=CUSTOMER, or --customer")
    message = {
        "customer": customer,
        "to": wanted.to or url,
        "content": _content(found),
        "reference": message_id,
        KEY_MEMBER: f"qstash-{message_id}",
    }
    if found.get("notBefore"):
        message["deliverAt"] = format_moment(datetime.fromtimestamp(found["notBefore"] / 1000, UTC))
    return msgspec.json.encode(message)


def _content(found: Mapping[str, Any]) -> Any:
    """The body: as JSON if it says so and is, otherwise as text."""
    if found.get("bodyBase64"):
        try:
            text = base64.b64decode(found["bodyBase64"], validate=True).decode()
        except (UnicodeDecodeError, binascii.Error):
            raise _SkippedError("a body that is no text") from None
    else:
        text = found.get("body") or ""
    headers: dict[str, list[str]] = found.get("header") or {}
    kinds = [kind for name, values in headers.items() if name.lower() == "content-type" for kind in values]
    if not any("json" in kind.lower() for kind in kinds):
        return text
    try:
        parse_json(text.encode())
    except NotJsonError:
        return text
    return msgspec.Raw(text.encode())
