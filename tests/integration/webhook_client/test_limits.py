"""Time limits, cancelled requests and closed clients."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable

import pytest

from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_response import Response
from sendoff_webhooks.client.connection import TransportError
from sendoff_webhooks.client.webhook_client import WebhookClient
from support.posting import NewClient, Post, Receive, posting
from support.raw_receiver import OK, Peer, answering, full_backlog
from support.waiting import eventually

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
FINE = Response(200, b"ok", None)


async def silent(peer: Peer) -> None:
    await peer.request()
    await peer.gone()


def dripping(head: bytes, drop: bytes) -> Callable[[Peer], Awaitable[None]]:
    """Send something every few milliseconds, for ever."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head)
        gone = asyncio.create_task(peer.gone())
        while not gone.done():
            await peer.send(drop)
            await asyncio.wait((gone,), timeout=0.01)

    return script


async def failure_of(request: Awaitable[Response]) -> ErrorClass:
    with pytest.raises(TransportError) as caught:
        await request
    return caught.value.error_class


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(silent, id="silence"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\n", b"x-a: b\r\n"), id="slow headers"),
        pytest.param(dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n"), id="slow interim answers"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n", b"x"), id="slow body"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), id="slow body without a length"),
        pytest.param(dripping(CHUNKED, b"1\r\nx\r\n"), id="slow chunks"),
    ],
)
async def test_the_whole_answer_must_come_in_time(
    script: Callable[[Peer], Awaitable[None]], post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    receiver = await receive(script, tls_or_plain)
    assert await failure_of(post(receiver.url, timeout=1.0)) is ErrorClass.TIMEOUT
    await eventually(lambda: receiver.peers[0].is_gone, "the connection is closed")


async def test_a_server_that_does_not_read_the_request_is_given_up_in_time(
    post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    done = asyncio.Event()

    async def script(_: Peer) -> None:
        await done.wait()

    receiver = await receive(script, tls_or_plain)
    assert await failure_of(post(receiver.url, b"x" * 20_000_000, timeout=1)) is ErrorClass.TIMEOUT
    done.set()


async def test_the_time_limit_is_each_requests_own(
    post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    """An old request's limit does not end a later request on the same connection."""
    answer_now = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await answer_now.wait()
        await peer.send(OK)
        await peer.gone()

    receiver = await receive(script, tls_or_plain)
    assert await post(receiver.url, timeout=1.5) == FINE
    second = asyncio.create_task(post(receiver.url))
    await asyncio.wait((second,), timeout=1.6)  # until the first one's limit is over
    answer_now.set()
    assert await second == FINE
    assert len(receiver.peers) == 1


async def test_a_connection_that_timed_out_is_not_used_again(
    post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    """Its late answer would be taken for the next one's."""

    async def script(peer: Peer) -> None:
        body = (await peer.request())[-5:]
        if body == b"first":
            await peer.gone()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n" + body)
        await peer.gone()

    receiver = await receive(script, tls_or_plain)
    assert await failure_of(post(receiver.url, b"first", timeout=1.0)) is ErrorClass.TIMEOUT
    assert (await post(receiver.url, b"later")).body == b"later"
    assert len(receiver.peers) == 2


async def test_a_slow_tls_handshake_is_a_connect_timeout(post: Post, receive: Receive) -> None:
    async def script(peer: Peer) -> None:
        await peer.gone()

    receiver = await receive(script)
    url = receiver.url.replace("http:", "https:")
    assert await failure_of(post(url, connect_timeout=1)) is ErrorClass.CONNECT_TIMEOUT
    await eventually(lambda: receiver.peers[0].is_gone, "the connection is closed")


async def test_a_slow_name_server_is_a_dns_failure(new_client: NewClient) -> None:
    never = asyncio.Event()

    async def resolve(_: str) -> list[str]:
        await never.wait()
        return []

    post = posting(new_client(resolve=resolve))
    assert await failure_of(post("http://webhook.test/", connect_timeout=0.1)) is ErrorClass.DNS


async def test_a_request_that_gives_up_leaves_the_others_their_lookup(new_client: NewClient, receive: Receive) -> None:
    found = asyncio.Event()

    async def resolve(_: str) -> list[str]:
        await found.wait()
        return ["127.0.0.1"]

    receiver = await receive(answering(OK))
    post = posting(new_client(resolve=resolve))
    patient = asyncio.create_task(post(receiver.url_at("webhook.test")))
    assert await failure_of(post(receiver.url_at("webhook.test"), connect_timeout=0.1)) is ErrorClass.DNS
    found.set()
    assert await patient == FINE


async def test_no_time_left_is_a_failure_at_once(post: Post, receive: Receive) -> None:
    receiver = await receive(answering(OK))
    assert await failure_of(post(receiver.url, timeout=0)) is ErrorClass.TIMEOUT
    assert receiver.requests == []


@pytest.mark.parametrize("kept", [False, True])
async def test_cancelling_a_request_closes_its_connection(
    kept: bool, post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    async def script(peer: Peer) -> None:
        if kept:
            await peer.request()
            await peer.send(OK)
        await silent(peer)

    receiver = await receive(script, tls_or_plain)
    if kept:
        await post(receiver.url)
    request = asyncio.create_task(post(receiver.url))
    await eventually(lambda: len(receiver.requests) == 1 + kept, "the request arrived")
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    await eventually(lambda: receiver.peers[0].is_gone, "the connection is closed")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_cancelling_while_connecting_closes_the_connection(scheme: str, post: Post, receive: Receive) -> None:
    async def script(peer: Peer) -> None:
        await peer.gone()

    receiver = await receive(script)
    request = asyncio.create_task(post(receiver.url.replace("http", scheme)))
    await eventually(lambda: receiver.peers, "the client connected")
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    await eventually(lambda: receiver.peers[0].is_gone, "the connection is closed")


async def test_cancelling_a_request_that_has_its_answer_leaves_the_next_one_alone(post: Post, receive: Receive) -> None:
    """Its connection may carry another request by the time that the cancelled task runs again."""
    raced = 0
    receiver = await receive(answering(OK))
    await post(receiver.url)
    for _ in range(50):
        first = asyncio.create_task(post(receiver.url))
        await eventually(lambda: receiver.requests, "always true: one turn of the loop", every=0)
        for _ in range(4):
            await asyncio.sleep(0)
        second = asyncio.create_task(post(receiver.url))
        first.cancel()
        assert await second == FINE
        await asyncio.wait((first,))
        raced += first.cancelled()
    assert len(receiver.peers) <= 1 + raced


async def test_closing_the_client_ends_its_requests(
    client: WebhookClient, post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    """Also one on a kept connection, which must not be sent again, and one that still connects."""
    idle = await receive(answering(OK), tls_or_plain)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await silent(peer)

    busy = await receive(script, tls_or_plain)
    await post(idle.url)
    await post(busy.url)
    async with full_backlog() as port:
        requests = [asyncio.create_task(post(url)) for url in (busy.url, f"http://127.0.0.1:{port}/")]
        await eventually(lambda: len(busy.requests) == 2, "the request on the kept connection arrived")
        await client.close()
        assert await failure_of(requests[0]) is ErrorClass.CONNECTION_RESET
        requests[1].cancel()
    await eventually(lambda: all(peer.is_gone for peer in (*idle.peers, *busy.peers)), "the connections are closed")
    assert len(busy.peers) == 1


async def test_a_closed_client_sends_nothing(client: WebhookClient, post: Post, receive: Receive) -> None:
    receiver = await receive(answering(OK))
    await post(receiver.url)
    await client.close()
    await client.close()
    assert await failure_of(post(receiver.url)) is ErrorClass.CONNECTION_RESET
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("turns", range(12))
async def test_a_request_that_connects_while_the_client_closes_is_not_sent(
    turns: int, client: WebhookClient, post: Post, receive: Receive, server_tls: ssl.SSLContext
) -> None:
    """The turns of the loop let it come further and further."""
    receiver = await receive(answering(OK), server_tls)
    request = asyncio.create_task(post(receiver.url))
    for _ in range(turns):
        await asyncio.sleep(0)
    await client.close()
    (result,) = await asyncio.gather(request, return_exceptions=True)
    assert result == FINE or (isinstance(result, TransportError) and result.error_class is ErrorClass.CONNECTION_RESET)
    await eventually(lambda: all(peer.is_gone for peer in receiver.peers), "no connection stays open")


async def test_slow_webhooks_do_not_hold_up_others(post: Post, receive: Receive) -> None:
    slow, fast = await receive(silent), await receive(answering(OK))
    waiting = [asyncio.create_task(post(slow.url)) for _ in range(100)]
    await eventually(lambda: len(slow.requests) == 100, "all slow requests wait")
    started = time.monotonic()
    assert await asyncio.gather(*[post(fast.url) for _ in range(100)]) == [FINE] * 100
    assert time.monotonic() - started < 5
    for request in waiting:
        request.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_name_server_that_hangs_does_not_hold_up_other_names(
    new_client: NewClient, receive: Receive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's resolver blocks a thread; a few bad names must not take all of them."""
    ask, release = socket.getaddrinfo, threading.Event()

    def hanging(host: str, *args: object, **kwargs: object) -> object:
        if host.endswith(".hanging.test"):
            release.wait()
        return ask(host, *args, **kwargs)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    receiver = await receive(answering(OK))
    post = posting(new_client())
    stuck = [asyncio.create_task(post(f"http://{number}.hanging.test/")) for number in range(10)]
    stuck += [asyncio.create_task(post("http://same.hanging.test/")) for _ in range(100)]
    try:
        assert await post(receiver.url_at("localhost")) == FINE
    finally:
        release.set()
        for request in stuck:
            request.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
