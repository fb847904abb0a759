"""From the text of a message to a submission: the plain ones on a short way, all others with words for mistakes.

The short way goes past strict_json.py and message_input.py at a tenth of their cost, and decides nothing by itself:
whatever is not plain goes the long way. What it takes, the long way takes too and understands in the same way
(tests/unit/test_plain_message.py).
"""

import hashlib
import os
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType
from pydantic import ValidationError

from sendoff_domain.exact_numbers import read_number, write_number
from sendoff_domain.ids import UUID7_ENTROPY_BYTES, Entropy, hex_uuid7
from sendoff_domain.strict_json import DEEPEST, NotJsonError, parse_json
from sendoff_domain.texts import DEFAULT_CUSTOMER, LONGEST_RECIPIENT, Reference, match_customer_id
from sendoff_domain.times import parse_duration, parse_moment
from sendoff_domain.validation_errors import FieldError, field_errors
from sendoff_domain.webhook_request import CONTENT_LIMIT, content_size, render_payload
from sendoff_intake.message_input import MOST_METADATA_BYTES, MOST_METADATA_KEYS, MessageInput, metadata_size
from sendoff_intake.submission import NewMessage, Reason, Rejected, Submission, reject_invalid, reject_unknown_customer

#: Enough for one message whose content is written in escapes throughout (bytes).
MESSAGE_LIMIT = 512 * 1024
#: The header that carries an idempotency key, of a request as well as of a message on NATS.
KEY_HEADER: Final = "Idempotency-Key"
#: What an idempotency key is, as a person reads it.
KEY_FORM = "1 to 255 printable ASCII characters"
#: A match, or None for a text that is no idempotency key.
match_idempotency_key = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?").fullmatch
_canonical = msgspec.json.Encoder(order="sorted", enc_hook=write_number).encode
_decode = msgspec.json.Decoder(float_hook=read_number).decode
#: A message has nine names; more than so many are not even looked at.
_MOST_NAMES = 100


class PlainMessage(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """A message as JSON has it. What is absent is UNSET, so that a null, which may mean the same, is not plain."""

    to: Annotated[str, Meta(min_length=1, max_length=LONGEST_RECIPIENT)]
    content: Any
    customer: str | UnsetType = UNSET
    deliver_at: str | UnsetType = UNSET
    delay: str | UnsetType = UNSET
    expires_at: str | UnsetType = UNSET
    metadata: Annotated[dict[str, str], Meta(max_length=MOST_METADATA_KEYS)] | UnsetType = UNSET
    reference: Reference | UnsetType = UNSET

    def to_new_message(self, size: int, default: str) -> NewMessage | None:
        """What the message of so many bytes says, or None if it has to go the long way; raises ValueError likewise.

        It is for the customer `default` if it names none.
        """
        customer = default if self.customer is UNSET else self.customer
        deliver_at = None if self.deliver_at is UNSET else parse_moment(self.deliver_at)
        delay = None if self.delay is UNSET else parse_duration(self.delay)
        expires_at = None if self.expires_at is UNSET else parse_moment(self.expires_at)
        metadata: dict[str, str] = {} if self.metadata is UNSET else self.metadata
        if not (
            (delay is None or deliver_at is None)
            and (expires_at is None or deliver_at is None or expires_at > deliver_at)
            and (size <= MOST_METADATA_BYTES or metadata_size(metadata) <= MOST_METADATA_BYTES)
            and match_customer_id(customer)
        ):
            return None
        reference = None if self.reference is UNSET else self.reference
        return NewMessage(self.to, customer, deliver_at, delay, expires_at, metadata, reference=reference)


_decode_plain = msgspec.json.Decoder(PlainMessage, float_hook=read_number).decode
_QUOTE = b'"'
#: How many quotes stand around a text, and around the name and the text of a field.
_OF_NAME, _OF_FIELD = 2, 4


def read_plain_message(body: bytes, default: str = DEFAULT_CUSTOMER) -> tuple[PlainMessage, NewMessage] | None:
    """The message in a JSON text, as it was sent in and as it is understood, or None if it has to go the long way.

    Of a key that is there twice only the last one is left: `has_no_duplicate_keys` tells, once there is a payload.
    """
    # A quote that cannot be seen, and a NUL, which `to` may not have. Nearly all texts have neither, nor the prefix.
    if b"\\u00" in body and (b"\\u0022" in body or b"\\u0000" in body):
        return None
    if body.count(b"[") + body.count(b"{") > DEEPEST:
        return None
    try:
        plain = _decode_plain(body)
        message = plain.to_new_message(len(body), default)
    except (msgspec.DecodeError, ValueError):  # UnicodeDecodeError is one, too
        return None
    return None if message is None else (plain, message)


def has_no_duplicate_keys(body: bytes, plain: PlainMessage, payload: bytes) -> bool:
    """Whether everything in the body is in its payload; if not, a key was there twice and the first one is lost.

    A quote is either the end of a text or, behind a backslash, part of one. The payload writes them alike, so it has as
    many quotes as the body, but for the fields that only one of them has; a member that was lost would have had two
    at least. Counting is twenty times as fast as looking at each name.
    """
    expected = payload.count(_QUOTE) - _OF_FIELD  # the id
    if plain.metadata is UNSET:
        expected -= _OF_NAME
    for field in (plain.customer, plain.deliver_at, plain.delay, plain.expires_at):
        if field is not UNSET:
            expected += _OF_FIELD
    if plain.reference is not UNSET:
        expected += _OF_FIELD + plain.reference.count('"')
    return body.count(_QUOTE) == expected


class SubmissionReader:
    """Makes the submissions of one process; `now` is the database's clock in Unix seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._entropy = Entropy(os.urandom, UUID7_ENTROPY_BYTES)

    def read(
        self,
        text: bytes,
        key: str | None = None,
        *,
        named: str = "body",
        customer: str | None = None,
        trace: str | None = None,
    ) -> Submission | Rejected:
        """The submission in a JSON text, or why it is none; `named` says what the text is, if it is no JSON.

        With a `customer` the message is for that one; to its sender there is no other. `trace` is that of the request.
        """
        default = customer or DEFAULT_CUSTOMER
        read = self.read_plain(text, key, default) or self.read_any(text, key, named=named, default=default)
        if customer is not None and isinstance(read, Submission) and read.message.customer != customer:
            return reject_unknown_customer(read.message.customer)
        if trace is not None and isinstance(read, Submission):
            return msgspec.structs.replace(read, trace=trace)
        return read

    def read_plain(self, text: bytes, key: str | None, default: str = DEFAULT_CUSTOMER) -> Submission | None:
        """The submission of what is plainly a valid message; None means that `read_any` has to look at it.

        It is for the customer `default` if it names none.
        """
        read = read_plain_message(text, default)
        if read is None:
            return None
        plain, message = read
        if message.expires_at is not None and self._is_too_soon(message.expires_at, message.delay):
            return None
        submission = self._submit(message, plain.content, None if key is None else _decode(text), key)
        return (
            submission
            if _fits(submission, plain.content) and has_no_duplicate_keys(text, plain, submission.payload)
            else None
        )

    def read_any(
        self, text: bytes, key: str | None, *, named: str, default: str = DEFAULT_CUSTOMER
    ) -> Submission | Rejected:
        """The submission of any JSON text that is a message, or all that is wrong with it."""
        try:
            value = parse_json(text, keep_digits=True)
            if isinstance(value, dict) and len(value) > _MOST_NAMES:
                return reject_invalid(FieldError("", f"expected at most {_MOST_NAMES} names, got {len(value)}"))
            given = MessageInput.model_validate(value)
            message = given.to_new_message(default)
        except NotJsonError as error:
            return Rejected(Reason.NOT_JSON, f"the {named} is not valid JSON: {error}")
        except ValidationError as error:
            return reject_invalid(*field_errors(MessageInput, error))
        submission = self._submit(message, given.content, value, key)
        if not _fits(submission, given.content):
            detail = f"expected at most {CONTENT_LIMIT} bytes of content, got {content_size(given.content)}"
            return Rejected(Reason.CONTENT_TOO_LARGE, detail, [FieldError("/content", detail)])
        if message.expires_at is not None and self._is_too_soon(message.expires_at, message.delay):
            return reject_invalid(FieldError("/expiresAt", "expected a moment in the future, after the delivery"))
        return submission

    def _submit(self, message: NewMessage, content: Any, value: Any, key: str | None) -> Submission:
        hex_id = hex_uuid7(time.time_ns() // 1_000_000, self._entropy.take())
        payload = render_payload("msg_" + hex_id, message.to, content, message.metadata)
        body_hash = None if key is None else hashlib.sha256(_canonical(value)).digest()
        return Submission(hex_id, message, payload, key, body_hash)

    def _is_too_soon(self, expires_at: datetime, delay: timedelta | None) -> bool:
        return expires_at.timestamp() <= self._now() + (delay.total_seconds() if delay else 0.0)


def _fits(submission: Submission, content: Any) -> bool:
    # The payload holds the content, so a short one needs no second measurement.
    short = len(submission.payload) <= CONTENT_LIMIT // 4
    return short or content_size(content) <= CONTENT_LIMIT
