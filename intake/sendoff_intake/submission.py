"""One message on its way into the database, and what can become of it there."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from sendoff_domain.validation_errors import FieldError, summarize


class NewMessage(msgspec.Struct, frozen=True, gc=False):
    """What a client wants to have delivered; only built from what is valid. Its content is in the payload alone.

    A struct because a frozen dataclass takes ten times as long to make; without the garbage collector's care because
    what came from JSON has no cycles.
    """

    to: str
    customer: str
    deliver_at: datetime | None
    delay: timedelta | None
    expires_at: datetime | None
    metadata: dict[str, str]
    #: A strategy of its own as JSON text, the way it is stored; None means the customer's.
    retry: str | None = None
    #: The sender's own id, which is no part of the payload.
    reference: str | None = None


class Submission(msgspec.Struct, frozen=True, gc=False):
    """A valid message with its id and its payload; `key` and `body_hash` only with an idempotency key.

    `trace` is that of the request that it came with (`sendoff_domain.trace_context`), if that has one.
    """

    hex_id: str
    message: NewMessage
    payload: bytes
    key: str | None
    body_hash: bytes | None
    trace: str | None = None


class Stored(msgspec.Struct, frozen=True, gc=False):
    """The message is in the database, by this submission or, if `replayed`, by an earlier one with the same key."""

    hex_id: str
    deliver_at: datetime
    replayed: bool = False


class Reason(StrEnum):
    """Why a message is not taken; the words are codes that clients may rely on."""

    NOT_JSON = "not_json"
    INVALID = "invalid"
    CONTENT_TOO_LARGE = "content_too_large"
    KEY_REUSED = "idempotency_key_reused"
    BACKLOG_FULL = "backlog_full"


class Rejected(msgspec.Struct, frozen=True):
    """The message is not taken, and nothing is stored of it; `detail` is one sentence for a person."""

    reason: Reason
    detail: str
    errors: Sequence[FieldError] = ()


Result = Stored | Rejected


def reject_unknown_customer(customer: str) -> Rejected:
    """The rejection of a message for a customer that does not exist, or not for its sender."""
    return reject_invalid(FieldError("/customer", f"there is no customer {customer!r}", "unknown_customer"))


def reject_invalid(*errors: FieldError) -> Rejected:
    """The rejection of what can be read but is not allowed."""
    return Rejected(Reason.INVALID, summarize(errors), errors)
