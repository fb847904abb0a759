"""An accepted message is answered by bytes of our own: every kind of connection gets what HTTP promises it."""

import asyncio
import json

from support.api import Api

BODY = b'{"to":"jane","content":"hello"}'


async def talk(api: Api, *requests: bytes) -> bytes:
    """Send everything at once; what the server says until it closes."""
    host, port = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.writelines(requests)
    try:
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()


def post(version: str = "1.1", connection: str = "", body: bytes = BODY) -> bytes:
    header = f"Connection: {connection}\r\n" if connection else ""
    head = f"POST /v1/messages HTTP/{version}\r\nHost: localhost\r\n{header}Content-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def read(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers with small names, and body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert len(headers) == len(lines), lines
    assert int(headers["content-length"]) == len(body)
    return status, headers, body


async def test_a_client_that_closes_is_told_so_and_closed(api: Api) -> None:
    status, headers, body = read(await talk(api, post(connection="close")))
    assert (status, headers["connection"]) == ("HTTP/1.1 202 Accepted", "close")
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["to"] == "jane"


async def test_an_old_client_is_answered_in_its_own_version(api: Api) -> None:
    status, headers, body = read(await talk(api, post(version="1.0")))
    assert status.startswith("HTTP/1.0 202")
    assert headers["location"] == "/v1/messages/" + json.loads(body)["id"]


async def test_both_ways_of_answering_say_the_same(api: Api) -> None:
    both = await talk(api, post(), post(connection="close"))
    first, second = both.split(b"HTTP/1.1 202 Accepted\r\n")[1:]
    quick, slow = (read(b"HTTP/1.1 202 Accepted\r\n" + answer)[1] for answer in (first, second))
    assert set(slow) - set(quick) == {"connection"}
    assert set(quick) <= set(slow)
    for name in ("content-type", "server", "content-length"):
        assert quick[name] == slow[name]


async def test_requests_behind_one_another_are_answered_in_order(api: Api) -> None:
    bodies = [b'{"to":"n%d","content":1}' % number for number in range(20)]
    answers = await talk(api, *[post(body=body) for body in bodies], post(connection="close"))
    told = [json.loads(read(b"HTTP/1.1" + one)[2])["to"] for one in answers.split(b"HTTP/1.1")[1:]]
    assert told == [f"n{number}" for number in range(20)] + ["jane"]
