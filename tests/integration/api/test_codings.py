"""Bodies that are compressed, broken, cut, or of a coding that is not known; clients that go away in the middle."""

import asyncio
import gzip
import json
import zlib

import pytest

from support.api import Api

BODY = b'{"to":"jane","content":"hello"}'
JSON = {"Content-Type": "application/json"}
ZIPPED = gzip.compress(BODY)


async def send(api: Api, body: bytes, coding: str) -> tuple[int, str]:
    reply = await api.post("/v1/messages", data=body, headers=JSON | {"Content-Encoding": coding})
    return reply.status, reply.json.get("code", "")


async def test_a_compressed_body_is_read(api: Api, subtests: pytest.Subtests) -> None:
    for coding, body in {"gzip": ZIPPED, "X-GZip": ZIPPED, "deflate": zlib.compress(BODY), "identity": BODY}.items():
        with subtests.test(coding=coding):
            assert await send(api, body, coding) == (202, "")


BROKEN = {
    "plain": BODY,
    "empty": b"",
    "cut": ZIPPED[:-1],
    "cut in the head": ZIPPED[:5],
    "bad checksum": ZIPPED[:-8] + b"\0" * 8,
    "bad inside": ZIPPED[:12] + b"\xff" * 8 + ZIPPED[20:],
    "text behind": ZIPPED + b"x",
    "a second member": ZIPPED + ZIPPED,
}


async def test_a_broken_compressed_body_is_a_bad_request(api: Api, subtests: pytest.Subtests) -> None:
    for name, body in BROKEN.items():
        with subtests.test(name=name):
            assert await send(api, body, "gzip") == (400, "bad_encoding")
            reply = await api.post("/v1/messages/batch", data=body, headers={**JSON, "Content-Encoding": "gzip"})
            assert reply.status == 400
    assert await api.count("messages") == 0


async def test_a_coding_that_is_not_known_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    for coding in ("br", "zstd", "compress", "nonsense", "gzip, gzip", "\u00fcgzip"):
        with subtests.test(coding=coding):
            reply = await api.post("/v1/messages", data=BODY, headers=JSON | {"Content-Encoding": coding})
            assert (reply.status, reply.json["code"]) == (415, "unsupported_content_encoding")
            assert "gzip" in reply.headers["Accept-Encoding"]
    assert await api.count("messages") == 0


async def test_a_body_that_unpacks_beyond_its_limit_is_too_large(api: Api) -> None:
    assert await send(api, gzip.compress(b" " * 50_000_000), "gzip") == (413, "body_too_large")


async def test_a_client_that_hangs_up_is_no_error_of_ours(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    host, port = api.url.removeprefix("http://").split(":")
    for framing in (b"Content-Length: 100\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"):
        _, writer = await asyncio.open_connection(host, int(port))
        head = b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        writer.write(head + framing)
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.transport.abort()
    metrics = ""
    for _ in range(100):
        metrics = (await api.get("/metrics")).body.decode()
        if 'status="499"' in metrics:
            break
        await asyncio.sleep(0.05)
    assert 'status="499"' in metrics
    assert 'status="500"' not in metrics
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err


MALFORMED = {
    "no method": b"\x00\x01\x02\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a blank in a name": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a negative length": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a long line": b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
    "a long header": b"GET / HTTP/1.1\r\nA: " + b"x" * 100_000 + b"\r\n\r\n",
    "a bad chunk": b"POST /v1/messages HTTP/1.1\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
}


async def test_a_malformed_head_gets_a_problem_document(
    api: Api, subtests: pytest.Subtests, capfd: pytest.CaptureFixture[str]
) -> None:
    host, port = api.url.removeprefix("http://").split(":")
    for name, request in MALFORMED.items():
        with subtests.test(name=name):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(request)
            answer = await asyncio.wait_for(reader.read(), 15)
            writer.close()
            head, _, body = answer.partition(b"\r\n\r\n")
            status = int(head.split()[1])
            assert status == (431 if "long" in name else 400)
            assert b"application/problem+json" in head
            assert b"aiohttp" not in answer
            assert json.loads(body)["requestId"].encode() in head
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err


async def test_no_response_names_a_version_of_the_server(api: Api) -> None:
    accepted = await api.post("/v1/messages", data=BODY, headers=JSON)
    replies = [accepted, await api.get("/health/live"), await api.call("GET", "/nowhere", checked=False)]
    assert {reply.headers["Server"] for reply in replies} == {"Sendoff"}
