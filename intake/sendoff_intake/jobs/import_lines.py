"""The lines of a piece of an import: each is a message as the API takes it, with its Idempotency-Key if it has one."""

from dataclasses import dataclass

import msgspec

from sendoff_domain.jobs import MOST_ERRORS_OF_LINE
from sendoff_domain.strict_json import NotJsonError, parse_json
from sendoff_domain.validation_errors import FieldError
from sendoff_intake.submission import Reason, Rejected, Submission, reject_invalid
from sendoff_intake.submission_reader import KEY_FORM, MESSAGE_LIMIT, SubmissionReader, match_idempotency_key

KEY_MEMBER = "idempotencyKey"
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TOO_LARGE = Rejected(Reason.CONTENT_TOO_LARGE, f"expected at most {MESSAGE_LIMIT} bytes of a message")
_NO_KEY = FieldError(f"/{KEY_MEMBER}", f"expected {KEY_FORM}")


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not empty: its number in the file, and what it says."""

    number: int
    read: Submission | Rejected


def count_lines(piece: bytes) -> tuple[int, int]:
    """How many lines a piece has, and how many of them are not empty."""
    lines = piece.split(b"\n")
    return len(lines) - (not lines[-1]), sum(1 for line in lines if line.strip())


def read_lines(piece: bytes, first: int, reader: SubmissionReader, customer: str | None) -> list[Line]:
    """The lines of a piece whose first line has that number; with a `customer` all others' messages are rejected."""
    texts = enumerate(piece.split(b"\n"), first)
    return [Line(number, _read(text, reader, customer)) for number, text in texts if text.strip()]


def describe_rejection(line: Line, why: Rejected | Exception) -> dict[str, object]:
    """Why a line was not stored, as the job shows it."""
    if isinstance(why, Exception):
        return {"line": line.number, "code": "internal_error", "detail": "the database refused this message"}
    errors = [error.document() for error in why.errors[:MOST_ERRORS_OF_LINE]]
    return {"line": line.number, "code": why.reason, "detail": why.detail, "errors": errors}


def _read(text: bytes, reader: SubmissionReader, customer: str | None) -> Submission | Rejected:
    if len(text) > MESSAGE_LIMIT:
        return _TOO_LARGE
    key = None
    if KEY_MEMBER.encode() in text:
        parted = _part_from_key(text)
        if isinstance(parted, Rejected):
            return parted
        text, key = parted
    return reader.read(text, key, named="line", customer=customer)


def _part_from_key(text: bytes) -> tuple[bytes, str | None] | Rejected:
    """The message without its key, and the key; what is no object is left for the reader to say so."""
    try:
        parse_json(text)  # it refuses a member that is there twice
        members = _MEMBERS.decode(text)
    except (NotJsonError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return text, None
    given = members.pop(KEY_MEMBER, None)
    if given is None:
        return text, None
    key = msgspec.json.decode(given)
    if not isinstance(key, str) or not match_idempotency_key(key):
        return reject_invalid(_NO_KEY)
    return msgspec.json.encode(members), key
