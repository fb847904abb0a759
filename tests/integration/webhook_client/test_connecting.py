"""The way from a URL to a connection: names, addresses that may be called, ports that answer or don't."""

import asyncio
import socket
import ssl
import time

import pytest

from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_response import Response
from sendoff_domain.webhook_url import parse_target
from sendoff_webhooks.client.connection import TransportError
from support.posting import NewClient, Post, Receive, posting
from support.raw_receiver import OK, Peer, answering, free_port, full_backlog
from support.waiting import eventually

FINE = Response(200, b"ok", None)


async def failure_of(post: Post, url: str, **limits: float) -> ErrorClass:
    with pytest.raises(TransportError) as caught:
        await post(url, **limits)  # type: ignore[arg-type]  # the limits are what is left of the arguments
    assert caught.value.detail
    return caught.value.error_class


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_port_nobody_listens_on_refuses_the_connection(scheme: str, post: Post) -> None:
    assert await failure_of(post, f"{scheme}://127.0.0.1:{free_port()}/") is ErrorClass.CONNECTION_REFUSED


@pytest.mark.parametrize("limits", [{"connect_timeout": 0.2}, {"timeout": 0.2}])
async def test_a_port_that_never_accepts_is_given_up_in_time(limits: dict[str, float], post: Post) -> None:
    async with full_backlog() as port:
        started = time.monotonic()
        assert await failure_of(post, f"http://127.0.0.1:{port}/", **limits) is ErrorClass.CONNECT_TIMEOUT
        assert time.monotonic() - started < 15


async def test_a_network_without_a_route_is_unreachable(new_client: NewClient) -> None:
    post = posting(new_client(allowed="0.0.0.0/0"))
    assert await failure_of(post, "http://255.255.255.255:9000/") is ErrorClass.NETWORK_UNREACHABLE


@pytest.mark.parametrize(
    "trouble", [socket.gaierror(-2, "Name or service not known"), OSError(5, "I/O error"), UnicodeError("label")]
)
async def test_a_name_that_does_not_resolve_is_a_dns_failure(trouble: Exception, new_client: NewClient) -> None:
    def addresses(_: str) -> list[str]:
        raise trouble

    post = posting(new_client(addresses))
    assert await failure_of(post, "http://webhook.test/") is ErrorClass.DNS


async def test_a_name_without_addresses_is_a_dns_failure(new_client: NewClient) -> None:
    assert await failure_of(posting(new_client(lambda _: [])), "http://webhook.test/") is ErrorClass.DNS


async def test_the_systems_resolver_knows_no_invalid_name(post: Post) -> None:
    assert await failure_of(post, "http://nobody.invalid/", connect_timeout=3) is ErrorClass.DNS


async def test_the_systems_resolver_knows_localhost(post: Post, receive: Receive) -> None:
    receiver = await receive(answering(OK))
    assert await post(receiver.url_at("localhost")) == FINE


@pytest.mark.parametrize("dead", ["refuses", "is silent"])
async def test_the_next_address_is_called_when_the_first_one_fails(
    dead: str, new_client: NewClient, receive: Receive
) -> None:
    post = posting(new_client(lambda _: ["127.0.0.1", "127.0.0.2"]))
    async with full_backlog() as silent_port:
        port = silent_port if dead == "is silent" else free_port()
        receiver = await receive(answering(OK), host="127.0.0.2", port=port)
        assert await post(receiver.url_at("webhook.test"), connect_timeout=1) == FINE


async def test_no_address_that_answers_is_the_last_ones_failure(new_client: NewClient) -> None:
    post = posting(new_client(lambda _: ["127.0.0.1", "127.0.0.2"]))
    assert await failure_of(post, f"http://webhook.test:{free_port()}/") is ErrorClass.CONNECTION_REFUSED


async def test_a_name_is_looked_up_once_for_all_who_wait(new_client: NewClient, receive: Receive) -> None:
    asked = []

    def addresses(name: str) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"]

    receiver = await receive(answering(OK))
    post = posting(new_client(addresses))
    assert await asyncio.gather(*[post(receiver.url_at("webhook.test")) for _ in range(20)]) == [FINE] * 20
    assert asked == ["webhook.test"]


async def test_a_lookup_is_kept_for_a_while_and_no_longer(new_client: NewClient, receive: Receive) -> None:
    asked = []

    def addresses(name: str) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"]

    closing = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"
    receiver = await receive(answering(closing))
    for_ever, for_no_time = posting(new_client(addresses)), posting(new_client(addresses, kept=0))
    for _ in range(3):
        await for_ever(receiver.url_at("kept.test"))
        await for_no_time(receiver.url_at("forgotten.test"))
    assert sorted(asked) == ["forgotten.test"] * 3 + ["kept.test"]


async def test_an_ipv6_address_is_called_and_named_in_brackets(
    post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    receiver = await receive(answering(OK), tls_or_plain, host="::1")
    assert await post(receiver.url_at("[::1]")) == FINE
    assert b"\r\nhost: [::1]:%d\r\n" % receiver.port in receiver.requests[0]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://webhook.test/", b"webhook.test"),
        ("http://webhook.test:80/", b"webhook.test"),
        ("http://webhook.test:443/", b"webhook.test:443"),
        ("https://webhook.test/", b"webhook.test"),
        ("https://webhook.test:443/", b"webhook.test"),
        ("https://webhook.test:80/", b"webhook.test:80"),
        ("http://[2001:DB8::1]/", b"[2001:db8::1]"),
    ],
)
def test_the_host_header_names_a_port_only_if_it_is_not_the_schemes(url: str, host: bytes) -> None:
    assert parse_target(url).head == b"POST / HTTP/1.1\r\nhost: " + host + b"\r\n"


async def test_a_server_that_closes_a_new_connection_at_once_has_reset_it(
    post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    async def script(peer: Peer) -> None:
        peer.close()

    receiver = await receive(script, tls_or_plain)
    for _ in range(5):
        assert await failure_of(post, receiver.url) is ErrorClass.CONNECTION_RESET
    await eventually(lambda: len(receiver.peers) == 5, "no request was sent twice")
