"""What the transport's conformance suite shares: clients, receivers, certificates; all of it on both event loops."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from ipaddress import ip_network
from typing import Any

import pytest
import uvloop

from sendoff_domain.webhook_addresses import DEFAULT_PORTS, PortRange
from sendoff_webhooks.client.name_lookup import KEPT, NameLookup, Resolve
from sendoff_webhooks.client.webhook_client import WebhookClient
from support.certificates import Authority, new_authority
from support.posting import Addresses, NewClient, Post, Receive, posting
from support.raw_receiver import RawReceiver, Script, raw_receiver


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Workers run on uvloop, whose connections differ from asyncio's in details; the client promises both."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that the clients trust."""
    return new_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def server_tls(authority: Authority) -> ssl.SSLContext:
    """A receiver's context whose certificate is right."""
    return authority.server_context("127.0.0.1", "::1", "localhost", "webhook.test")


@pytest.fixture(params=["plain", "tls"])
def tls_or_plain(request: pytest.FixtureRequest, server_tls: ssl.SSLContext) -> ssl.SSLContext | None:
    """Runs a test over both."""
    return server_tls if request.param == "tls" else None


@pytest.fixture
async def new_client(authority: Authority) -> AsyncIterator[NewClient]:
    """More clients than the one that `post` uses, or other ones."""
    opened: list[WebhookClient] = []

    def make(
        addresses: Addresses | None = None,
        allowed: str = "127.0.0.0/8",
        kept: float = KEPT,
        resolve: Resolve | None = None,
        ports: Sequence[PortRange] = DEFAULT_PORTS,
        **limits: Any,
    ) -> WebhookClient:
        networks = [ip_network(network) for network in allowed.split()]

        async def resolve_at_once(host: str) -> Sequence[str]:
            assert addresses is not None
            return addresses(host)

        lookup = NameLookup(networks, resolve_at_once if addresses else resolve, kept)
        opened.append(
            WebhookClient(
                allowed_networks=networks,
                allowed_ports=ports,
                lookup=lookup,
                tls=authority.client_context(),
                **limits,
            )
        )
        return opened[-1]

    yield make
    for client in opened:
        await client.close()


@pytest.fixture
def client(new_client: NewClient) -> WebhookClient:
    """A client that may call loopback addresses, IPv6 included."""
    return new_client(allowed="127.0.0.0/8 ::1/128")


@pytest.fixture
def post(client: WebhookClient) -> Post:
    """Post with that client."""
    return posting(client)


@pytest.fixture
async def receive() -> AsyncIterator[Receive]:
    """Start receivers."""
    async with AsyncExitStack() as stack:

        async def start(
            script: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
        ) -> RawReceiver:
            return await stack.enter_async_context(raw_receiver(script, tls, host, port))

        yield start
