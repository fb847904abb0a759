"""A valid message as it was sent in."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from sendoff_intake.message_input import MessageInput


class Given(msgspec.Struct, frozen=True, gc=False):
    """What a client wants to have delivered; only built from what is valid.

    A struct because a frozen dataclass takes ten times as long to make; without the garbage collector's care because
    what came from JSON has no cycles.
    """

    to: str
    content: Any
    customer: str
    deliver_at: datetime | None
    delay: timedelta | None
    expires_at: datetime | None
    metadata: dict[str, str]
    #: A strategy of its own as JSON text, the way it is stored; None means the customer's.
    retry: str | None = None


def given_by(message: MessageInput) -> Given:
    """The message that a model holds."""
    return Given(
        message.to,
        message.content,
        message.customer,
        message.deliver_at,
        message.delay,
        message.expires_at,
        message.metadata,
        None if message.retry is None else message.retry.model_dump_json(by_alias=True, exclude_unset=True),
    )
