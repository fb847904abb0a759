"""Connections that are kept for the next request: used again, found closed, never trusted too far."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_response import Response
from sendoff_webhooks.client.connection import TransportError
from support.posting import NewClient, Post, Receive, posting
from support.raw_receiver import OK, Peer, answering, answering_once
from support.waiting import eventually

CLOSING = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


async def half_close(peer: Peer) -> None:
    peer.half_close()
    await peer.gone()


async def close(peer: Peer) -> None:
    peer.close()


async def reset(peer: Peer) -> None:
    peer.reset()


async def say_408_and_close(peer: Peer) -> None:
    await peer.send(TIMED_OUT)


async def say_something_unasked(peer: Peer) -> None:
    await peer.send(OK.replace(b"ok", b"no"))
    await peer.gone()


def answering_then(act: Callable[[Peer], Awaitable[None]], when: asyncio.Event) -> Callable[[Peer], Awaitable[None]]:
    """Response the first request of each connection, and do something on it once `when` is set."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await when.wait()
        await act(peer)

    return script


async def test_requests_one_after_another_share_a_connection(
    post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    receiver = await receive(answering(OK), tls_or_plain)
    for _ in range(20):
        assert await post(receiver.url) == Response(200, b"ok", None)
    assert [len(peer.requests) for peer in receiver.peers] == [20]


async def test_the_connection_used_last_is_used_first(post: Post, receive: Receive) -> None:
    """So that those which a burst opened grow old and are closed."""
    holds = [asyncio.Event(), asyncio.Event()]

    async def script(peer: Peer) -> None:
        while True:
            body = (await peer.request())[-1:]
            if body.isdigit():
                await holds[int(body)].wait()
            await peer.send(OK)

    receiver = await receive(script)
    burst = [asyncio.create_task(post(receiver.url, body)) for body in (b"0", b"1")]
    await eventually(lambda: len(receiver.requests) == 2, "both wait for their answers")
    for body, hold in zip(burst, holds, strict=True):
        hold.set()
        await body
    for _ in range(5):
        await post(receiver.url, b"x")
    by_body = {peer.requests[0][-1:]: len(peer.requests) for peer in receiver.peers}
    assert by_body == {b"0": 1, b"1": 6}


@pytest.mark.parametrize("goodbye", [half_close, close, reset, say_408_and_close])
async def test_a_connection_closed_while_idle_is_no_failure(
    goodbye: Callable[[Peer], Awaitable[None]], post: Post, receive: Receive
) -> None:
    now = asyncio.Event()
    receiver = await receive(answering_then(goodbye, now))
    await post(receiver.url)
    now.set()
    await asyncio.sleep(0.05)
    assert await post(receiver.url) == Response(200, b"ok", None)


async def test_a_connection_closed_by_tls_while_idle_is_no_failure(
    post: Post, receive: Receive, server_tls: ssl.SSLContext
) -> None:
    now = asyncio.Event()
    receiver = await receive(answering_then(close, now), server_tls)
    await post(receiver.url)
    now.set()
    await asyncio.sleep(0.05)
    assert await post(receiver.url) == Response(200, b"ok", None)


async def test_a_close_that_is_on_its_way_when_the_request_goes_out_is_no_failure(post: Post, receive: Receive) -> None:
    """The system knows of the end already, the client has not looked yet: its request is refused unread."""
    receiver = await receive(answering(OK))
    await post(receiver.url)
    receiver.peers[0].cut()
    assert await post(receiver.url, b"second") == Response(200, b"ok", None)
    assert [request[-6:] for request in receiver.requests[1:]] == [b"second"]


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("goodbye", [half_close, close, reset, say_408_and_close])
async def test_a_goodbye_that_crosses_a_request_never_doubles_it(
    goodbye: Callable[[Peer], Awaitable[None]], turns: int, post: Post, receive: Receive
) -> None:
    """The turns of the loop let more and more of the goodbye arrive before the request."""
    now = asyncio.Event()
    receiver = await receive(answering_then(goodbye, now))
    await post(receiver.url)
    now.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    with suppress(TransportError):  # it may have been read
        await post(receiver.url, b"second")
    assert sum(request.endswith(b"second") for request in receiver.requests) <= 1


async def test_what_nobody_asked_for_is_no_answer(post: Post, receive: Receive) -> None:
    """Bytes on an idle connection close it; a request that crosses them on the wire can't tell, as with any client."""
    now = asyncio.Event()
    receiver = await receive(answering_then(say_something_unasked, now))
    await post(receiver.url)
    now.set()
    await eventually(lambda: receiver.peers[0].is_gone, "the client closed the connection")
    assert await post(receiver.url) == Response(200, b"ok", None)
    assert len(receiver.peers) == 2


@pytest.mark.parametrize("end", ["close", "cut", "reset"])
async def test_a_request_that_was_read_is_not_sent_once_more(
    end: str, post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    """A kept connection that ends without an answer after it has read the whole request: that was the attempt."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        getattr(peer, end)()

    receiver = await receive(script, tls_or_plain)
    await post(receiver.url, b"first")
    with pytest.raises(TransportError) as caught:
        await post(receiver.url, b"second")
    assert caught.value.error_class in (ErrorClass.CONNECTION_RESET, ErrorClass.TLS)
    assert [request[-6:] for request in receiver.requests] == [b"\nfirst", b"second"]


async def test_408_to_a_request_that_was_read_is_its_answer(
    post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.send(TIMED_OUT)

    receiver = await receive(script, tls_or_plain)
    await post(receiver.url, b"first")
    assert (await post(receiver.url, b"second")).status_code == 408
    assert [request[-6:] for request in receiver.requests] == [b"\nfirst", b"second"]


async def test_a_large_request_of_which_a_part_was_read_is_not_sent_once_more(post: Post, receive: Receive) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if peer is receiver.peers[0]:
            await peer.send(OK)
            await peer.read(100_000)
            peer.reset()

    receiver = await receive(script)
    await post(receiver.url)
    with pytest.raises(TransportError) as caught:
        await post(receiver.url, b"x" * 8_000_000)
    assert caught.value.error_class is ErrorClass.CONNECTION_RESET
    assert len(receiver.peers) == 1


async def test_a_kept_connection_that_breaks_in_an_answer_is_a_failure(post: Post, receive: Receive) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe")

    receiver = await receive(script)
    await post(receiver.url)
    with pytest.raises(TransportError) as caught:
        await post(receiver.url)
    assert caught.value.error_class is ErrorClass.CONNECTION_RESET
    assert len(receiver.peers) == 1


async def test_408_on_a_new_connection_is_the_answer(post: Post, receive: Receive) -> None:
    receiver = await receive(answering_once(TIMED_OUT))
    assert (await post(receiver.url)).status_code == 408
    assert len(receiver.peers) == 1


async def test_a_server_that_restarts_costs_no_failure(
    post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    """Both idle connections are gone; whether the client has noticed or not, each request succeeds."""
    together = asyncio.Barrier(2)

    async def script(peer: Peer) -> None:
        await peer.request()
        await together.wait()
        await peer.send(OK)
        await peer.gone()

    first = await receive(script, tls_or_plain)
    await asyncio.gather(post(first.url), post(first.url))
    await first.stop()
    second = await receive(answering(OK), tls_or_plain, port=first.port)
    answers = await asyncio.gather(*[post(second.url) for _ in range(3)])
    assert answers == [Response(200, b"ok", None)] * 3


@pytest.mark.parametrize(
    "extra",
    [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwr",
     b"HTTP/1.1 5", b"H", b"HTTP/1.1 100 Continue\r\n\r\n", b"{}", b"\0"],
    ids=["a whole answer", "half an answer", "half a line", "a byte", "an interim answer", "garbage", "a null"],
)  # fmt: skip
@pytest.mark.parametrize("answer", [OK, b"HTTP/1.1 204 N\r\n\r\n", CLOSING], ids=["200", "204", "closing"])
async def test_bytes_behind_an_answer_poison_the_connection(
    extra: bytes, answer: bytes, post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    receiver = await receive(answering(answer + extra), tls_or_plain)
    first = await post(receiver.url)
    assert first.status_code in (200, 204)
    assert await post(receiver.url) == first
    assert len(receiver.peers) == 2
    await eventually(lambda: all(peer.is_gone for peer in receiver.peers), "the connections are closed")


async def test_a_server_that_half_closes_after_its_answer_is_left(post: Post, receive: Receive) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await half_close(peer)

    receiver = await receive(script)
    for _ in range(3):
        assert await post(receiver.url) == Response(200, b"ok", None)
    await eventually(lambda: all(peer.is_gone for peer in receiver.peers), "the client closed its ends too")


async def test_answers_are_never_mixed_up(post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None) -> None:
    """Eight clients in turn over eight connections at most, with answers of all kinds and some that fail."""

    async def script(peer: Peer) -> None:
        while True:
            number = int((await peer.request()).rpartition(b"\n")[2])
            text = b"%d" % number
            if number % 7 == 0:
                return
            last = b"connection: close\r\n" if number % 11 == 0 else b""
            if number % 3:
                await peer.send(b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (last, len(text), text))
            else:
                await peer.send(b"HTTP/1.1 200 OK\r\n%btransfer-encoding: chunked\r\n\r\n" % last)
                await peer.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(text), text))
            if number % 11 == 0:
                return

    receiver = await receive(script, tls_or_plain)
    numbers = iter(range(1, 500))

    async def client() -> list[tuple[int, bytes | ErrorClass]]:
        found: list[tuple[int, bytes | ErrorClass]] = []
        for number in numbers:
            try:
                found.append((number, (await post(receiver.url, b"%d" % number)).body))
            except TransportError as error:
                found.append((number, error.error_class))
        return found

    found = {
        number: result for pairs in await asyncio.gather(*[client() for _ in range(8)]) for number, result in pairs
    }
    assert found == {number: b"%d" % number if number % 7 else ErrorClass.CONNECTION_RESET for number in range(1, 500)}


async def test_connections_are_kept_apart_by_scheme_host_and_port(
    new_client: NewClient, receive: Receive, server_tls: ssl.SSLContext
) -> None:
    post = posting(new_client(lambda _: ["127.0.0.1"]))
    one, other = await receive(answering(OK)), await receive(answering(OK), server_tls)
    for url in (one.url_at("localhost"), one.url_at("webhook.test"), other.url_at("localhost")):
        await post(url)
    assert (len(one.peers), len(other.peers)) == (2, 1)


async def test_idle_connections_are_closed_after_a_while(new_client: NewClient, receive: Receive) -> None:
    post = posting(new_client(keepalive=0.1))
    receiver = await receive(answering(OK))
    await post(receiver.url)
    await eventually(lambda: receiver.peers[0].is_gone, "closed without another request")
    await post(receiver.url)
    await eventually(lambda: receiver.peers[1].is_gone, "and so is the next one")


@pytest.mark.parametrize(("limit", "number", "kept"), [("idle_per_origin", 3, 6), ("idle_in_all", 4, 4)])
async def test_the_number_of_idle_connections_is_bounded(
    limit: str, number: int, kept: int, new_client: NewClient, receive: Receive
) -> None:
    limits: dict[str, Any] = {limit: number}
    post = posting(new_client(**limits))
    together = asyncio.Barrier(10)

    async def script(peer: Peer) -> None:
        await peer.request()
        await together.wait()
        await peer.send(OK)
        await peer.gone()

    receivers = [await receive(script), await receive(script)]
    for receiver in receivers:
        await asyncio.gather(*[post(receiver.url) for _ in range(10)])
    peers = [peer for receiver in receivers for peer in receiver.peers]
    await eventually(lambda: sum(not peer.is_gone for peer in peers) == kept, "what is too many was closed")
