"""From the text of a message to an entry: the plain ones on a short way, all others with words for their mistakes."""

import hashlib
import time
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from sendoff_domain.ids import hex_uuid7
from sendoff_domain.payload import CONTENT_LIMIT, content_size, render_payload
from sendoff_domain.validation_errors import FieldError
from sendoff_http.web.problems import ProblemError, invalid
from sendoff_http.web.validation import validate
from sendoff_intake.entropy import Entropy
from sendoff_intake.message_input import MessageInput
from sendoff_intake.new_message import Given, given_by
from sendoff_intake.plain_message import has_lost_nothing, read_plain_message, take_plain
from sendoff_intake.submission import Entry

_canonical = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder().decode


class EntryMaker:
    """Makes the entries of one process; `now` is the database's clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._entropy = Entropy(10)

    def read_plain(self, body: bytes, key: str | None) -> Entry | None:
        """The entry of what is plainly a valid message; None means that `make` has to look at it."""
        plain = read_plain_message(body)
        given = None if plain is None else take_plain(plain, len(body))
        if plain is None or given is None or not self._is_possible(given):
            return None
        entry = self._enter(given, None if key is None else _decode(body), key)
        return entry if _fits(entry) and has_lost_nothing(body, plain, entry.payload) else None

    def make(self, raw: Any, key: str | None) -> Entry:
        """The entry of a JSON value; raises ProblemError 422 for what is not allowed, 413 for the content's size."""
        given = given_by(validate(MessageInput, raw))
        entry = self._enter(given, raw, key)
        if not _fits(entry):
            detail = f"expected at most {CONTENT_LIMIT} bytes of content, got {content_size(given.content)}"
            raise ProblemError(413, "content_too_large", detail, errors=[FieldError("/content", detail)])
        if not self._is_possible(given):
            raise invalid([FieldError("/expiresAt", "expected a moment in the future, after the delivery")])
        return entry

    def _enter(self, given: Given, raw: Any, key: str | None) -> Entry:
        hex_id = hex_uuid7(time.time_ns() // 1_000_000, self._entropy.take())
        payload = render_payload("msg_" + hex_id, given.to, given.content, given.metadata)
        return Entry(hex_id, given, payload, key, None if key is None else hashlib.sha256(_canonical(raw)).digest())

    def _is_possible(self, given: Given) -> bool:
        if given.expires_at is None:
            return True
        return given.expires_at.timestamp() > self._now() + (given.delay.total_seconds() if given.delay else 0.0)


def _fits(entry: Entry) -> bool:
    # The payload holds the content, so a short one needs no second measurement.
    return len(entry.payload) <= CONTENT_LIMIT // 4 or content_size(entry.given.content) <= CONTENT_LIMIT


ENTRY_MAKER: web.AppKey[EntryMaker] = web.AppKey("entry_maker", EntryMaker)
