"""From the text of a message to a submission: the plain ones on a short way, all others with words for mistakes."""

import hashlib
import os
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from pydantic import ValidationError

from sendoff_domain.exact_numbers import read_number, write_number
from sendoff_domain.ids import UUID7_ENTROPY_BYTES, Entropy, hex_uuid7
from sendoff_domain.strict_json import NotJsonError, parse_json
from sendoff_domain.texts import DEFAULT_CUSTOMER
from sendoff_domain.validation_errors import FieldError, field_errors
from sendoff_domain.webhook_request import CONTENT_LIMIT, content_size, render_payload
from sendoff_intake.message_input import MessageInput
from sendoff_intake.plain_message import has_no_duplicate_keys, read_plain_message
from sendoff_intake.submission import NewMessage, Reason, Rejected, Submission, reject_invalid, reject_unknown_customer

#: What an idempotency key is, as a person reads it.
KEY_FORM = "1 to 255 printable ASCII characters"
#: A match, or None for a text that is no idempotency key.
match_idempotency_key = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?").fullmatch

_canonical = msgspec.json.Encoder(order="sorted", enc_hook=write_number).encode
_decode = msgspec.json.Decoder(float_hook=read_number).decode
#: A message has eight names; more than so many are not even looked at.
_MOST_NAMES = 100


class SubmissionReader:
    """Makes the submissions of one process; `now` is the database's clock in Unix seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._entropy = Entropy(os.urandom, UUID7_ENTROPY_BYTES)

    def read(
        self, text: bytes, key: str | None = None, *, named: str = "body", customer: str | None = None
    ) -> Submission | Rejected:
        """The submission in a JSON text, or why it is none; `named` says what the text is, if it is no JSON.

        With a `customer` the message is for that one; to its sender there is no other.
        """
        default = customer or DEFAULT_CUSTOMER
        read = self.read_plain(text, key, default) or self.read_any(text, key, named=named, default=default)
        if customer is not None and isinstance(read, Submission) and read.message.customer != customer:
            return reject_unknown_customer(read.message.customer)
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
