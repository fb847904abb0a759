"""One message on its way into the database, and what can become of it there."""

from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from sendoff_domain.ids import created_seconds
from sendoff_domain.times import format_moment
from sendoff_domain.validation_errors import FieldError
from sendoff_http.web.problems import ProblemError, invalid
from sendoff_intake.new_message import Given


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A valid message with its id and its payload; `key` and `body_hash` only with an Idempotency-Key."""

    hex_id: str
    given: Given
    payload: bytes
    key: str | None
    body_hash: bytes | None


class Stored(msgspec.Struct, frozen=True, gc=False):
    """The message is in the database, by this request or, if `replayed`, by an earlier one with the same key."""

    hex_id: str
    deliver_at: datetime
    replayed: bool = False


class UnknownCustomer(msgspec.Struct, frozen=True):
    """There is no such customer; nothing was stored."""


class KeyReused(msgspec.Struct, frozen=True):
    """The Idempotency-Key was used for another body; nothing was stored."""


Result = Stored | UnknownCustomer | KeyReused


#: In the payload, between `{"id":"msg_` and its end.
_ID_ENDS = len('{"id":"msg_') + 32


def describe(entry: Entry, stored: Stored) -> bytes:
    """The message document as it is when the message is accepted; a replay gives the same one again.

    The payload has id, to, content and metadata already as the document shows them: the rest is put behind them.
    """
    given = entry.given
    expires_at = "null" if given.expires_at is None else f'"{format_moment(given.expires_at)}"'
    rest = (
        f',"customer":"{given.customer}","status":"scheduled","deliverAt":"{format_moment(stored.deliver_at)}",'
        f'"expiresAt":{expires_at},"retry":{given.retry or "null"},"createdAt":"{_created_at(stored.hex_id[:12])}",'
        '"sentAt":null,"attempts":0,"lastError":null,"externalMessageId":null}'
    )
    return b'{"id":"msg_%b%b%b' % (stored.hex_id.encode(), entry.payload[_ID_ENDS:-1], rest.encode())


@lru_cache(maxsize=1)
def _created_at(hex_ms: str) -> str:
    """The moment that an id begins with; many messages are made in the same millisecond."""
    return format_moment(datetime.fromtimestamp(created_seconds(hex_ms), UTC))


def refusal(result: UnknownCustomer | KeyReused, entry: Entry) -> ProblemError:
    """The problem that says why a message was not stored."""
    if isinstance(result, UnknownCustomer):
        detail = f"there is no customer {entry.given.customer!r}"
        return invalid([FieldError("/customer", detail, "unknown_customer")])
    return ProblemError(422, "idempotency_key_reused", "this Idempotency-Key was used for another body")
