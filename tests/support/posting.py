"""Posting to raw receivers: the shapes of the fixtures of the transport's conformance suite."""

import ssl
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, Protocol

from sendoff_domain.webhook_addresses import DEFAULT_PORTS, PortRange
from sendoff_domain.webhook_response import Response
from sendoff_webhooks.client.name_lookup import KEPT, Resolve
from sendoff_webhooks.client.webhook_client import WebhookClient
from support.raw_receiver import RawReceiver, Script

Addresses = Callable[[str], Sequence[str]]


class NewClient(Protocol):
    """Makes a client that may call `allowed`, with its own names if `addresses` or `resolve` is given."""

    def __call__(
        self,
        addresses: Addresses | None = None,
        allowed: str = "127.0.0.0/8",
        kept: float = KEPT,
        resolve: Resolve | None = None,
        ports: Sequence[PortRange] = DEFAULT_PORTS,
        **limits: Any,
    ) -> WebhookClient: ...


class Post(Protocol):
    """Posts with one client."""

    def __call__(
        self,
        url: str,
        body: bytes = b'{"id":"msg_1"}',
        headers: dict[str, str] | None = None,
        timeout: float = 10,
        connect_timeout: float = 5,
    ) -> Coroutine[None, None, Response]: ...


class Receive(Protocol):
    """Starts a receiver, with TLS or plain; it ends with the test."""

    def __call__(
        self, script: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
    ) -> Awaitable[RawReceiver]: ...


def posting(client: WebhookClient, customer: str = "") -> Post:
    """Post with any client, on the account of a customer."""

    async def send(
        url: str,
        body: bytes = b'{"id":"msg_1"}',
        headers: dict[str, str] | None = None,
        timeout: float = 10,
        connect_timeout: float = 5,
    ) -> Response:
        return await client.post(
            url,
            headers=headers or {"content-type": "application/json"},
            body=body,
            timeout=timedelta(seconds=timeout),
            connect_timeout=timedelta(seconds=connect_timeout),
            customer=customer,
        )

    return send
