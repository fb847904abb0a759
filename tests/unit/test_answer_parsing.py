"""Answers cut into pieces at any place, and bytes that are no answers, fed to one connection by hand."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_domain.webhook_response import Response
from sendoff_webhooks.client.connection import RESPONSE_LIMIT, Connection, StaleConnectionError, TransportError
from support.wires import Wire, feed

INTERIM = b"HTTP/1.1 103 Early Hints\r\nretry-after: 1\r\n\r\n"
CHUNKED = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\ntransfer-encoding: chunked\r\n\r\n"
FULL = b"x" * RESPONSE_LIMIT
#: Answers, whether their connection ends with them, and what they mean.
VALID = [
    (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", False, Response(200, b"hello", None)),
    (INTERIM + b"HTTP/1.1 204 No Content\r\n\r\n", False, Response(204, b"", None)),
    (CHUNKED + b"3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nx: y\r\n\r\n", False, Response(503, b"hello", "7")),
    (b"HTTP/1.0 200 OK\r\nserver: old\r\n\r\nhello", True, Response(200, b"hello", None)),
    (
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (RESPONSE_LIMIT + 9),
        True,
        Response(200, b"x" * RESPONSE_LIMIT, None, is_cut=True),
    ),
    (b"HTTP/1.1 500 E\ncontent-length: 4\n\noops", False, Response(500, b"oops", None)),
]
#: Pieces that are likely to lead the parser somewhere.
PIECES = [
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 ", b"HTTP/1.0 ", b"100 Continue", b"101 S", b"204 N", b"099 X"),
    *(b"\r\n", b"\r\n\r\n", b"\n", b"\0", b": ", b"\xff\xfe"),
    *(b"content-length: 5\r\n", b"content-length: -1\r\n", b"Content-Length: 99999999999999999999\r\n"),
    *(b"transfer-encoding: chunked\r\n", b"transfer-encoding: gzip\r\n", b"retry-after: 5\r\n"),
    *(b"connection: close\r\n", b"connection: upgrade\r\n", b"upgrade: h2c\r\n"),
    *(b"5\r\nhello\r\n", b"0\r\n\r\n", b"ffffffffffffffff\r\n"),
]


def result_of(parts: Sequence[bytes], *, with_end: bool) -> tuple[Response | BaseException | None, bool]:
    """What a new connection makes of these bytes, and whether it would take another request."""
    return asyncio.run(feed(parts, with_end=with_end))


def split(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The parts between the cuts."""
    places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[start:end] for start, end in pairwise(places) if start < end]


@given(st.sampled_from(VALID), st.lists(st.integers(min_value=0, max_value=200_000), max_size=8))
def test_an_answer_is_the_same_however_it_is_split(case: tuple[bytes, bool, Response], cuts: list[int]) -> None:
    raw, ends, expected = case
    assert result_of(split(raw, cuts), with_end=ends) == (expected, not ends)


@pytest.mark.parametrize(("raw", "ends", "expected"), [case for case in VALID if len(case[0]) < 1000])
def test_an_answer_may_come_byte_by_byte(raw: bytes, ends: bool, expected: Response) -> None:
    assert result_of([raw[at : at + 1] for at in range(len(raw))], with_end=ends) == (expected, not ends)


@pytest.mark.parametrize("raw", [raw for raw, ends, _ in VALID if not ends])
def test_an_answer_is_not_there_before_its_last_byte(raw: bytes) -> None:
    for length in range(len(raw)):
        assert result_of([raw[:length]] if length else [], with_end=False) == (None, False)


@given(st.lists(st.binary(min_size=1, max_size=40) | st.sampled_from(PIECES), max_size=20), st.booleans())
def test_any_bytes_are_an_answer_or_a_failure(parts: list[bytes], with_end: bool) -> None:
    result, _ = result_of(parts, with_end=with_end)
    assert isinstance(result, Response | TransportError) or (result is None and not with_end)


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.booleans())
def test_garbage_behind_a_head_is_an_answer_or_a_failure(parts: list[bytes], with_end: bool) -> None:
    result, _ = result_of([b"HTTP/1.1 200 OK\r\n", *parts], with_end=with_end)
    assert isinstance(result, Response | TransportError) or (result is None and not with_end)


@given(st.sampled_from(VALID[:3]), st.binary(min_size=1, max_size=20), st.lists(st.integers(0, 500), max_size=4))
def test_bytes_behind_an_answer_do_not_change_it(
    case: tuple[bytes, bool, Response], extra: bytes, cuts: list[int]
) -> None:
    raw, _, expected = case
    result, reusable = result_of(split(raw + extra, cuts), with_end=False)
    assert result == expected
    assert not reusable or not extra.strip(b"\r\n"), "only empty lines may follow an answer (RFC 9112, section 2.2)"


@pytest.mark.parametrize(
    ("was_used", "is_closed", "expected"),
    [(False, True, TransportError), (False, False, TransportError), (True, True, StaleConnectionError),
     (True, False, TransportError)],
)  # fmt: skip
def test_a_connection_without_bytes_is_stale_only_when_it_was_used_and_the_request_not_written(
    was_used: bool, is_closed: bool, expected: type[Exception]
) -> None:
    async def feed() -> BaseException | None:
        wire, connection = Wire(), Connection(lambda _: None, lambda _: None)
        connection.connection_made(wire)
        if was_used:
            connection.request(b"")
            connection.data_received(VALID[0][0])
        wire.is_closed = is_closed
        waiter = connection.request(b"x")
        connection.connection_lost(None)
        return waiter.exception()

    assert isinstance(asyncio.run(feed()), expected)
