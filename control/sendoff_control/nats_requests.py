"""Requests to NATS over the session that the bus has at the moment, without a connection of their own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import nats.errors
import structlog
from nats.aio.client import Client

#: So long an answer is waited for (seconds): what asks can do without.
_TIMEOUT = 0.5

log = structlog.get_logger("sendoff.nats")


class NatsRequests:
    """Asks NATS while the bus is up; nothing is kept for later."""

    def __init__(self) -> None:
        self._client: Client | None = None

    @contextmanager
    def over(self, client: Client) -> Iterator[None]:
        """Within the block requests go over this client."""
        self._client = client
        try:
            yield
        finally:
            self._client = None

    async def ask(self, subject: str, payload: bytes = b"") -> bytes | None:
        """The answer; None at once while the bus is down, or after half a second without one."""
        client = self._client
        if client is None:
            return None
        try:
            async with asyncio.timeout(_TIMEOUT):  # a connection that takes nothing holds up the request itself
                return (await client.request(subject, payload, timeout=_TIMEOUT)).data
        except (nats.errors.Error, OSError, TimeoutError) as error:
            log.debug("NATS does not answer a request", subject=subject, error=f"{type(error).__name__}: {error}")
            return None
