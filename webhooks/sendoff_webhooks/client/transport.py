"""The seam to the HTTP client: one POST in, one answer or one class of failure out."""

from datetime import timedelta
from typing import Protocol

from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_response import Response

#: How much of an answer is read at all.
RESPONSE_LIMIT = 64 * 1024


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
    ) -> Response:
        """One request; raises TransportError when there is no answer."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
