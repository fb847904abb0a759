"""A shortcut past strict_json.py and message_input.py for what is plainly a valid message, at a tenth of their cost.

It decides nothing by itself: whatever is not plain goes the long way, where the words for every mistake are. What it
takes, the long way takes too and understands in the same way (tests/unit/test_plain_message.py).
"""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from sendoff_domain.exact_numbers import read_number
from sendoff_domain.strict_json import DEEPEST
from sendoff_domain.texts import DEFAULT_CUSTOMER, LONGEST_RECIPIENT, match_customer_id
from sendoff_domain.times import parse_duration, parse_moment
from sendoff_intake.message_input import MOST_METADATA_BYTES, MOST_METADATA_KEYS, metadata_size
from sendoff_intake.submission import NewMessage


class PlainMessage(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """A message as JSON has it. What is absent is UNSET, so that a null, which may mean the same, is not plain."""

    to: Annotated[str, Meta(min_length=1, max_length=LONGEST_RECIPIENT)]
    content: Any
    customer: str | UnsetType = UNSET
    deliver_at: str | UnsetType = UNSET
    delay: str | UnsetType = UNSET
    expires_at: str | UnsetType = UNSET
    metadata: Annotated[dict[str, str], Meta(max_length=MOST_METADATA_KEYS)] | UnsetType = UNSET

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
        return NewMessage(self.to, customer, deliver_at, delay, expires_at, metadata)


_decode = msgspec.json.Decoder(PlainMessage, float_hook=read_number).decode
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
        plain = _decode(body)
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
    return body.count(_QUOTE) == expected
