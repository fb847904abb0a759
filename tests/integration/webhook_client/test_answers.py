"""What a webhook may answer, and what becomes of it."""

import ssl

import pytest

from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_response import Response
from sendoff_webhooks.client.connection import RESPONSE_LIMIT, TransportError
from support.posting import Post, Receive
from support.raw_receiver import OK, Peer, answering, answering_once
from support.waiting import eventually


def case(sentence: str, *values: object) -> object:
    return pytest.param(*values, id=sentence.replace(" ", "-"))


FINE = Response(200, b"ok", None)
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nretry-after: 9\r\ncontent-length: 4\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        case("200 with a length", OK, FINE),
        case("202 without a body", b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n", Response(202, b"", None)),
        case("204", b"HTTP/1.1 204 No Content\r\n\r\n", Response(204, b"", None)),
        case("304 with a length but no body", b"HTTP/1.1 304 N\r\ncontent-length: 9\r\n\r\n", Response(304, b"", None)),
        case("299", b"HTTP/1.1 299 Fine\r\ncontent-length: 1\r\n\r\nx", Response(299, b"x", None)),
        case("a status without a reason", b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", Response(200, b"", None)),
        case("a status nobody knows", b"HTTP/1.1 799 ?\r\ncontent-length: 0\r\n\r\n", Response(799, b"", None)),
        case("400 with a body", b"HTTP/1.1 400 B\r\ncontent-length: 3\r\n\r\nbad", Response(400, b"bad", None)),
        case("410 with a body", b"HTTP/1.1 410 G\r\ncontent-length: 4\r\n\r\ngone", Response(410, b"gone", None)),
        case("500 with a body", b"HTTP/1.1 500 E\r\ncontent-length: 4\r\n\r\noops", Response(500, b"oops", None)),
        case(
            "Retry-After in any case",
            b"HTTP/1.1 503 S\r\nReTRy-aFTer: 17\r\ncontent-length: 0\r\n\r\n",
            Response(503, b"", "17"),
        ),
        case(
            "Retry-After as a date",
            b"HTTP/1.1 429 T\r\nretry-after: Wed, 21 Oct 2026 07:28:00 GMT\r\ncontent-length: 0\r\n\r\n",
            Response(429, b"", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ),
        case("chunks", CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", Response(200, b"hello world", None)),
        case("no chunk", CHUNKED + b"0\r\n\r\n", Response(200, b"", None)),
        case("chunks with extensions", CHUNKED + b'2;a=b;c="d"\r\nok\r\n0;e\r\n\r\n', FINE),
        case(
            "trailers, which say nothing here",
            CHUNKED + b"2\r\nok\r\n0\r\nretry-after: 5\r\nx-checksum: 7\r\n\r\n",
            FINE,
        ),
        case("sizes with zeros", CHUNKED + b"00000A\r\n0123456789\r\n0\r\n\r\n", Response(200, b"0123456789", None)),
        case("100 before the answer", INTERIM + OK, FINE),
        case("102 before the answer", b"HTTP/1.1 102 Processing\r\n\r\n" + OK, FINE),
        case("103 whose headers are not the answer's", EARLY_HINTS + OK, FINE),
        case("many interim answers", INTERIM * 50 + EARLY_HINTS * 5 + OK, FINE),
        case(
            "HTTP/1.0 that stays open",
            b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
            FINE,
        ),
        case("lines that end without CR", OK.replace(b"\r\n", b"\n"), FINE),
        case("two equal lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx: y\r\ncontent-length:2 \r\n\r\nok", FINE),
        case("a length twice in one line", b"HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\nretry-after: 1\r\n\r\nok",
             Response(200, b"ok", "1")),
        case("two equal lengths without CR", b"HTTP/1.1 200 OK\ncontent-length: 2\ncontent-length: 2,2\n\nok", FINE),
        case("a folded header", b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\tc\r\ncontent-length: 2\r\n\r\nok", FINE),
        case("blanks after a chunk's size", CHUNKED + b"2 \r\nok\r\n0  \r\n\r\n", FINE),
        case("empty lines before the answer", b"\r\n\r\n" + OK, FINE),
        case("empty header values", b"HTTP/1.1 200 OK\r\nx:\r\ny: \r\ncontent-length: 2\r\n\r\nok", FINE),
        case(
            "header bytes outside ASCII",
            b"HTTP/1.1 200 \xfcber\r\nx-a: \xff\xe9\r\ncontent-length: 2\r\n\r\nok",
            FINE,
        ),
        case(
            "a compressed body as it came",
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00",
            Response(200, b"\x1f\x8b\x08\x00", None),
        ),
        case(
            "upgrade headers on an ordinary answer",
            b"HTTP/1.1 200 OK\r\nupgrade: h2c\r\nconnection: upgrade\r\ncontent-length: 2\r\n\r\nok",
            FINE,
        ),
    ],
)  # fmt: skip
async def test_an_answer_is_read_as(
    raw: bytes, expected: Response, post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    receiver = await receive(answering(raw), tls_or_plain)
    assert await post(receiver.url) == expected
    assert await post(receiver.url) == expected, "the second answer differs"
    assert len(receiver.peers) == 1, "a whole answer leaves the connection usable"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(status: int, post: Post, receive: Receive) -> None:
    elsewhere = await receive(answering(OK))
    raw = b"HTTP/1.1 %d Moved\r\nlocation: %b\r\ncontent-length: 0\r\n\r\n" % (status, elsewhere.url.encode())
    receiver = await receive(answering(raw))
    assert (await post(receiver.url)).status_code == status
    assert elsewhere.peers == []


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        case("a body that ends with the connection", b"HTTP/1.1 200 OK\r\n\r\nok", FINE),
        case("no body, ended by the connection", b"HTTP/1.1 200 OK\r\n\r\n", Response(200, b"", None)),
        case("HTTP/1.0", b"HTTP/1.0 200 OK\r\nserver: old\r\n\r\nold", Response(200, b"old", None)),
        case("HTTP/1.0 with a length", b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nold", Response(200, b"old", None)),
        case("Connection: close", b"HTTP/1.1 200 OK\r\nConnection: Close\r\ncontent-length: 2\r\n\r\nok", FINE),
        case("Connection: close without a length", b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok", FINE),
        case("an interim answer with a length first", EARLY_HINTS + b"HTTP/1.1 200 OK\r\n\r\nok", FINE),
        case("a coding that is not chunked", b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nok", FINE),
    ],
)  # fmt: skip
async def test_an_answer_that_ends_with_its_connection_is_read_as(
    raw: bytes, expected: Response, post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    receiver = await receive(answering_once(raw), tls_or_plain)
    assert await post(receiver.url) == expected
    assert await post(receiver.url) == expected
    assert len(receiver.peers) == 2, "the connection must not be used again"


@pytest.mark.parametrize(
    "raw",
    [
        case("not HTTP at all", b"220 mail.example ESMTP\r\n"),
        case("binary garbage", bytes(range(256))),
        case("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n"),
        case("a status of two digits", b"HTTP/1.1 20 OK\r\n\r\n"),
        case("a status below 100", b"HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n"),
        case("an unknown version", b"HTTP/9.9 200 OK\r\n\r\n"),
        case("101", b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
        case("101 without an upgrade", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        case("two different lengths", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!"),
        case("two different lengths in one line", b"HTTP/1.1 200 OK\r\ncontent-length: 2, 3\r\n\r\nok!"),
        case("a length and an empty one", b"HTTP/1.1 200 OK\r\ncontent-length: 2,\r\n\r\nok"),
        case("two lengths that are no numbers", b"HTTP/1.1 200 OK\r\ncontent-length: +2, +2\r\n\r\nok"),
        case("two equal lengths and chunks", CHUNKED[:-2] + b"content-length: 1, 1\r\n\r\n0\r\n\r\n"),
        case("a negative length", b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok"),
        case("a length that is no number", b"HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nok"),
        case("a length beyond 64 bits", b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nok"),
        case("a length and chunks", CHUNKED[:-2] + b"content-length: 2\r\n\r\n0\r\n\r\n"),
        case("a chunk size that is no number", CHUNKED + b"zz\r\n"),
        case("a chunk longer than it said", CHUNKED + b"2\r\nokay\r\n0\r\n\r\n"),
        case("a header without a colon", b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"),
        case("a null in a header", b"HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n"),
        case("headers without an end", b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * 20_000),
        case("a header line without an end", b"HTTP/1.1 200 OK\r\nx-a: " + b"b" * 200_000),
        case("a reason without an end", b"HTTP/1.1 200 " + b"b" * 200_000),
        case("interim answers without an end", INTERIM * 10_000),
        case("trailers without an end", CHUNKED + b"2\r\nok\r\n0\r\n" + b"x-a: b\r\n" * 200_000),
        case("a chunk extension without an end", CHUNKED + b"2;" + b"a" * 2_000_000),
    ],
)  # fmt: skip
async def test_it_is_a_protocol_error_to_answer(
    raw: bytes, post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(raw)
        await peer.gone()

    receiver = await receive(script, tls_or_plain)
    with pytest.raises(TransportError) as caught:
        await post(receiver.url)
    assert caught.value.error_class is ErrorClass.PROTOCOL
    assert caught.value.detail
    await eventually(lambda: receiver.peers[0].is_gone, "the connection is closed")


@pytest.mark.parametrize(
    "part",
    [
        case("before its first byte", b""),
        case("in the status line", b"HTTP/1.1 2"),
        case("in the headers", b"HTTP/1.1 200 OK\r\ncontent-le"),
        case("after an interim answer", INTERIM),
        case("before the body", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        case("in the body", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe"),
        case("before the first chunk", CHUNKED),
        case("in a chunk", CHUNKED + b"5\r\nhe"),
        case("before the last chunk", CHUNKED + b"5\r\nhello\r\n"),
        case("before the end of the trailers", CHUNKED + b"0\r\n"),
    ],
)
async def test_the_connection_was_reset_when_the_answer_broke_off(
    part: bytes, post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    receiver = await receive(answering_once(part), tls_or_plain)
    with pytest.raises(TransportError) as caught:
        await post(receiver.url)
    assert caught.value.error_class is ErrorClass.CONNECTION_RESET
    assert len(receiver.peers) == 1, "nothing is sent again that may have been taken"


async def test_a_tcp_reset_in_an_answer_without_a_length_is_no_end_of_it(post: Post, receive: Receive) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhalf an ans")
        peer.reset()

    receiver = await receive(script)
    with pytest.raises(TransportError) as caught:
        await post(receiver.url)
    assert caught.value.error_class is ErrorClass.CONNECTION_RESET


@pytest.mark.parametrize(
    ("head", "frame"),
    [
        case("with a length", b"HTTP/1.1 200 OK\r\ncontent-length: 10485760\r\n\r\n", b"%b"),
        case("in chunks", CHUNKED, b"10000\r\n%b\r\n"),
        case("without a length", b"HTTP/1.1 200 OK\r\n\r\n", b"%b"),
    ],
)
async def test_a_huge_body_is_cut_and_its_connection_closed(
    head: bytes, frame: bytes, post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head)
        for _ in range(160):
            await peer.send(frame % (b"x" * 65536))
        await peer.gone()

    receiver = await receive(script, tls_or_plain)
    assert await post(receiver.url) == Response(200, b"x" * RESPONSE_LIMIT, None, is_cut=True)
    await eventually(lambda: receiver.peers[0].is_gone, "the rest is not read")
    await post(receiver.url)
    assert len(receiver.peers) == 2


async def test_a_body_of_just_the_limit_is_whole_and_its_connection_used_again(post: Post, receive: Receive) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % RESPONSE_LIMIT
    receiver = await receive(answering(head, b"x" * RESPONSE_LIMIT))
    for _ in range(2):
        assert await post(receiver.url) == Response(200, b"x" * RESPONSE_LIMIT, None)
    assert len(receiver.peers) == 1


async def test_a_body_in_chunks_of_one_byte_is_read(post: Post, receive: Receive) -> None:
    receiver = await receive(answering(CHUNKED, b"1\r\nx\r\n" * RESPONSE_LIMIT, b"0\r\n\r\n"))
    assert await post(receiver.url) == Response(200, b"x" * RESPONSE_LIMIT, None)


@pytest.mark.parametrize("length", [b"content-length: 2, 2", b"content-length: 2\r\ncontent-length: 2"])
async def test_a_length_that_is_there_twice_may_come_byte_by_byte(length: bytes, post: Post, receive: Receive) -> None:
    raw = b"HTTP/1.1 200 OK\r\nx: y\r\n" + length + b"\r\n\r\nok"
    receiver = await receive(answering(*[raw[at : at + 1] for at in range(len(raw))]))
    assert [await post(receiver.url) for _ in range(2)] == [FINE, FINE]
    assert len(receiver.peers) == 1


async def test_an_answer_that_comes_byte_by_byte_is_read(post: Post, receive: Receive) -> None:
    raw = EARLY_HINTS + CHUNKED + b"2\r\nok\r\n0\r\n\r\n"
    receiver = await receive(answering(*[raw[at : at + 1] for at in range(len(raw))]))
    assert await post(receiver.url) == FINE


@pytest.mark.parametrize("requests", [1, 2])
async def test_an_answer_may_come_before_the_request_is_read(requests: int, post: Post, receive: Receive) -> None:
    """It counts, but the connection still carries the rest of the old request: the next one takes another."""

    async def script(peer: Peer) -> None:
        await peer.read(100)
        await peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
        await peer.gone()

    receiver = await receive(script)
    for _ in range(requests):
        assert await post(receiver.url, b"x" * 20_000_000) == Response(413, b"no", None)
    assert len(receiver.peers) == requests
