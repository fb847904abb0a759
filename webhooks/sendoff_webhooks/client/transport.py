"""The seam to the HTTP client: one POST in, one answer or one class of failure out."""

from datetime import timedelta
from typing import Protocol

import msgspec

from sendoff_domain.outcome import ErrorClass

#: How much of an answer is read at all.
ANSWER_LIMIT = 64 * 1024


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What the webhook answered; a body longer than ANSWER_LIMIT is cut there."""

    status_code: int
    body: bytes
    retry_after: str | None
    is_cut: bool = False


class TransportError(Exception):
    """The request got no answer; `error_class` says where it failed."""

    def __init__(self, error_class: ErrorClass, detail: str) -> None:
        super().__init__(detail)
        self.error_class = error_class
        self.detail = detail


class Transport(Protocol):
    """Posts to webhooks: follows no redirect, calls only addresses that the policy allows."""

    async def post(
        self, url: str, headers: dict[str, str], body: bytes, timeout: timedelta, connect_timeout: timedelta
    ) -> Answer:
        """One request; raises TransportError when there is no answer."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
