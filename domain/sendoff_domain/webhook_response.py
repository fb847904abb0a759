"""A webhook's answer, and what it means for its message: delivered by the customer's rule, or failed in some class."""

from datetime import UTC, datetime

import msgspec

from sendoff_domain.json_pointer import find, parse_pointer
from sendoff_domain.outcome import ANSWER_BYTES_KEPT, Delivered, ErrorClass, Failed, Outcome
from sendoff_domain.response_rule.rule import ResponseRule
from sendoff_domain.retry_after import parse_retry_after

_LONGEST_EXTERNAL_ID = 256
#: What may stand before JSON although it says nothing: blanks, and a byte order mark, bytes of which JSON never begins.
_BEFORE_JSON = b" \t\r\n\xef\xbb\xbf"


class _AnswerBody(msgspec.Struct):
    messageId: str | int | None = None  # noqa: N815  the receiver's spelling


_read_answer = msgspec.json.Decoder(_AnswerBody).decode
_read_any = msgspec.json.Decoder().decode


class Response(msgspec.Struct, frozen=True, gc=False):
    """What a webhook answered: `retry_after` is the header's text; `is_cut` says that the body was longer than this."""

    status_code: int
    body: bytes
    retry_after: str | None
    is_cut: bool = False


def classify_response(rule: ResponseRule, response: Response, *, duration_us: int, now: float) -> Outcome:
    """Say what an attempt that was answered came to; never raises. `now` is Unix seconds."""
    status_code, body = response.status_code, response.body
    if rule.is_usual and 200 <= status_code <= 299:  # nearly every answer: half a microsecond in all
        return Delivered(status_code, duration_us, external_message_id(body))
    failure = _failure(rule, response)
    if failure is None:
        return Delivered(status_code, duration_us, external_message_id_at(rule.external_id, body))
    return Failed(
        *failure,
        duration_us,
        status_code,
        body[:ANSWER_BYTES_KEPT],
        parse_retry_after(response.retry_after, datetime.fromtimestamp(now, UTC)),
        final=status_code in rule.final_codes,
    )


def with_one_length(head: bytes) -> bytes | None:
    """The head of an answer, and what follows, with its Content-Length once instead of several times, all equal.

    None if that is not what is wrong with it (RFC 9110, section 8.6).
    """
    lines = head.split(b"\n\r\n", 1)[0].split(b"\n\n", 1)[0].split(b"\n")
    named = [number for number, line in enumerate(lines) if line[:15].lower() == b"content-length:"]
    values = {value.strip() for number in named for value in lines[number][15:].split(b",")}
    if len(values) != 1 or not (value := values.pop()).isdigit():
        return None
    end = sum(len(line) + 1 for line in lines) - 1
    kept = [line for number, line in enumerate(lines) if number not in named[1:]]
    kept[named[0]] = b"content-length: " + value + (b"\r" if lines[named[0]].endswith(b"\r") else b"")
    mended = b"\n".join(kept) + head[end:]
    return None if mended == head else mended


def external_message_id(body: bytes) -> str | None:
    """The `messageId` of a JSON answer, as text that PostgreSQL can hold; anything else counts as none."""
    text = body.lstrip(_BEFORE_JSON)
    if not text.startswith(b"{"):
        return None
    try:
        found = _read_answer(text).messageId
        return None if found is None else str(found).replace("\0", "")[:_LONGEST_EXTERNAL_ID]
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
        return None


def external_message_id_at(pointer: str, body: bytes) -> str | None:
    """The text or number at a JSON pointer of an answer, as text that PostgreSQL can hold; anything else is none."""
    try:
        found = find(_read_any(body.lstrip(_BEFORE_JSON)), parse_pointer(pointer))
        if isinstance(found, bool) or not isinstance(found, str | int):
            return None
        return str(found).replace("\0", "")[:_LONGEST_EXTERNAL_ID]
    except (ValueError, RecursionError):
        return None


def _failure(rule: ResponseRule, response: Response) -> tuple[ErrorClass, str] | None:
    """The class and the detail of an answer that does not count as delivered, or None if it does."""
    status_code = response.status_code
    if status_code in rule.accepted_codes:
        violation = rule.body_violation(response.body, is_cut=response.is_cut) if rule.reads_body else None
        return None if violation is None else (ErrorClass.RESPONSE_RULE, violation)
    if 200 <= status_code <= 299:
        return ErrorClass.RESPONSE_RULE, rule.status_violation(status_code)
    error_class = ErrorClass.REDIRECT if 300 <= status_code <= 399 else ErrorClass.STATUS
    return error_class, f"the webhook answered {status_code}"
