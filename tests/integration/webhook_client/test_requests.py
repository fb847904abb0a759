"""What goes out: the exact bytes of a request, and where a URL leads."""

import ssl

import pytest

from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_response import Response
from sendoff_webhooks.client.connection import TransportError
from support.posting import NewClient, Post, Receive, posting
from support.raw_receiver import OK, answering


def taken_apart(request: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Request line, sorted headers, body."""
    head, _, body = request.partition(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    return line, sorted(headers), body


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", '{"content":"grüße 🚀 \\u0000"}'.encode(), b"x" * 65536, bytes(range(256)), b"\r\n\r\n0\r\n\r\n"],
    ids=["empty", "small", "UTF-8", "64 KiB", "all bytes", "line breaks"],
)
async def test_a_request_is_exactly_what_was_asked_for(
    body: bytes, post: Post, receive: Receive, tls_or_plain: ssl.SSLContext | None
) -> None:
    receiver = await receive(answering(OK), tls_or_plain)
    headers = {"content-type": "application/json", "webhook-id": "msg_1", "X-Latin": "100 % gr\xfc\xdfe", "x-%s": ""}
    for _ in range(2):
        await post(receiver.url, body, headers)
    length = b"content-length: %d" % len(body)
    host = b"host: 127.0.0.1:%d" % receiver.port
    expected = sorted(
        [
            host,
            length,
            b"content-type: application/json",
            b"webhook-id: msg_1",
            b"X-Latin: 100 % gr\xfc\xdfe",
            b"x-%s: ",
        ]
    )
    assert [taken_apart(request) for request in receiver.requests] == [(b"POST /in HTTP/1.1", expected, body)] * 2


@pytest.mark.parametrize(
    "headers",
    [
        {"x-a": "b\r\nx-evil: 1"},
        {"x-a": "b\nx-evil: 1"},
        {"x-a": "b\rx-evil: 1"},
        {"x-a": "b\r\n\r\nPOST /evil HTTP/1.1"},
        {"x-a": "b\0c"},
        {"x-a": "smile \u263a"},
        {"x-a": "b\u2028c"},
        {"x-a\r\nx-evil": "1"},
        {"x-a: 1\r\nx-evil": "1"},
        {"x-a:x-evil": "1"},
        {"x a": "1"},
        {"": "1"},
        {"gr\xfc\xdfe": "1"},
        {"Content-Length": "3"},
        {"transfer-encoding": "chunked"},
        {"host": "elsewhere.example"},
    ],
    ids=repr,
)
async def test_a_header_that_would_change_the_request_is_refused(
    headers: dict[str, str], post: Post, receive: Receive
) -> None:
    receiver = await receive(answering(OK))
    with pytest.raises(TransportError) as caught:
        await post(receiver.url, headers=headers)
    assert caught.value.error_class is ErrorClass.PROTOCOL
    assert receiver.peers == []


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/"),
        ("/", "/"),
        ("?a=b", "/?a=b"),
        ("/hooks/in?a=b&c=%20d&e=f+g", "/hooks/in?a=b&c=%20d&e=f+g"),
        ("/percent%2Fencoded%20%C3%BC", "/percent%2Fencoded%20%C3%BC"),
        ("/gr\xfc\xdfe?n=\u263a", "/gr%C3%BC%C3%9Fe?n=%E2%98%BA"),
        ("/a b?c d", "/a%20b?c%20d"),
        ('/a"<>^`{|}\\', "/a%22%3C%3E%5E%60%7B%7C%7D%5C"),
        ("//double/../dots/./", "//double/../dots/./"),
        ("/a;b=c,d:e@f!$&'()*+=~-._[]", "/a;b=c,d:e@f!$&'()*+=~-._[]"),
        ("/in?to=http://elsewhere.example/?x", "/in?to=http://elsewhere.example/?x"),
        ("/in#fragment", "/in"),
        ("/a\r\nx-evil: 1", "/ax-evil:%201"),
    ],
)
async def test_a_urls_path_and_query_arrive_as(path: str, target: str, post: Post, receive: Receive) -> None:
    receiver = await receive(answering(OK))
    assert await post(receiver.url_at("127.0.0.1", path)) == Response(200, b"ok", None)
    line, headers, _ = taken_apart(receiver.requests[0])
    assert line == f"POST {target} HTTP/1.1".encode()
    assert len(headers) == 3


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("webhook.test", "webhook.test"),
        ("WebHook.TEST", "webhook.test"),
        ("webhook.test.", "webhook.test."),
        ("under_score.test", "under_score.test"),
        ("m\xfcnchen.test", "xn--mnchen-3ya.test"),
        ("\uff57ebhook.test", "webhook.test"),
        ("xn--mnchen-3ya.test", "xn--mnchen-3ya.test"),
    ],
)
async def test_a_urls_host_is_named_as(host: str, shown: str, new_client: NewClient, receive: Receive) -> None:
    asked = []

    def addresses(name: str) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"]

    receiver = await receive(answering(OK))
    await posting(new_client(addresses))(receiver.url_at(host))
    assert b"\r\nhost: %b:%d\r\n" % (shown.encode(), receiver.port) in receiver.requests[0]
    assert asked == [shown]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "webhook.test/in",
        "ftp://webhook.test/",
        "file:///etc/passwd",
        "http://",
        "http:///in",
        "http://:80/",
        "http://webhook.test:0/",
        "http://webhook.test:65536/",
        "http://webhook.test:x/",
        "http://user@webhook.test/",
        "http://user:secret@webhook.test/",
        "http://good.test\\@webhook.test/",
        "http://web hook.test/",
        "http://webhook.test%0d%0ax-evil: 1/",
        "http://web<hook>.test/",
        "http://a..test/",
        "http://.test/",
        f"http://{'a' * 64}.test/",
        "http://[::1",
        "http://[::1%25lo]/",
        "http://[::1%lo]/",
        "http://[v1.a:b]/",
        "http://webhook.test/\ud800",
    ],
)
async def test_any_other_url_is_refused(url: str, new_client: NewClient) -> None:
    def addresses(name: str) -> list[str]:
        raise AssertionError(f"looked up {name!r}")

    with pytest.raises(TransportError) as caught:
        await posting(new_client(addresses))(url)
    assert caught.value.error_class is ErrorClass.PROTOCOL
    assert "secret" not in caught.value.detail
