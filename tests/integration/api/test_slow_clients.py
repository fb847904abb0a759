"""A client that sends half of a request, trickles, reads nothing or takes all connections keeps others from nothing."""

import asyncio
import contextlib
import json
import re
import resource
from collections.abc import AsyncIterator

import pytest

from sendoff_http.web import body, connections
from sendoff_http.web.connection_table import ConnectionTable
from sendoff_http.web.connections import Connection
from support.api import Api, api_settings, running_api
from support.waiting import eventually

HEAD = b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


async def connect(api: Api, local: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = api.url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port), local_addr=(local, 0))


async def said(reader: asyncio.StreamReader) -> bytes:
    """All that the server says until it closes."""
    with contextlib.suppress(ConnectionResetError):
        return await asyncio.wait_for(reader.read(), 20)
    return b""


def problem(answer: bytes) -> tuple[bytes, str]:
    head, _, document = answer.partition(b"\r\n\r\n")
    assert b"Connection: close" in head
    return head.split(b" ")[1], json.loads(document)["code"]


@pytest.fixture
async def impatient(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    """A server that waits for its clients a fraction of a second."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.4)
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.8)
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 0.4)
    monkeypatch.setattr(body, "_BODY_SECONDS", 0.4)
    async with running_api(api_settings(database)) as api:
        yield api


@pytest.mark.parametrize("begun", [b"P", b"POST /v1/mess", HEAD, HEAD + b"Content-Length: 1"])
async def test_half_a_head_is_answered_with_408(impatient: Api, begun: bytes) -> None:
    reader, writer = await connect(impatient)
    writer.write(begun)
    assert problem(await said(reader)) == (b"408", "request_timeout")
    writer.close()


async def test_a_head_that_trickles_gets_no_more_time_than_another(impatient: Api) -> None:
    reader, writer = await connect(impatient)
    answer = asyncio.create_task(said(reader))
    for byte in HEAD * 20:
        if answer.done():
            break
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)
    assert problem(await answer) == (b"408", "request_timeout")
    writer.close()


async def test_half_a_head_behind_a_request_is_answered_with_408(impatient: Api) -> None:
    reader, writer = await connect(impatient)
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readuntil(b'alive"}')
    writer.write(b"GET /hea")
    assert problem(await said(reader)) == (b"408", "request_timeout")
    writer.close()


@pytest.mark.parametrize("framing", [b"Content-Length: 100\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n1\r\n"])
async def test_a_body_that_does_not_come_is_answered_with_408(impatient: Api, framing: bytes) -> None:
    reader, writer = await connect(impatient)
    writer.write(HEAD + framing + b"{")
    assert problem(await said(reader)) == (b"408", "request_timeout")
    writer.close()


async def test_an_idle_connection_is_closed_without_a_word(impatient: Api) -> None:
    for before, statuses in ((b"", []), (b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", [b"200"])):
        reader, writer = await connect(impatient)
        writer.write(before)
        assert re.findall(rb"HTTP/1.1 (\d+)", await said(reader)) == statuses
        writer.close()


async def test_a_client_that_reads_nothing_is_dropped(impatient: Api) -> None:
    for number in range(60):
        await impatient.create(to=f"n{number}", content="x" * 60_000)
    reader, writer = await connect(impatient)
    reader._transport.pause_reading()  # type: ignore[attr-defined]  # asyncio reads ahead by itself
    writer.write(b"GET /v1/messages?limit=250 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 8)
    server = impatient.runner.server
    assert server is not None
    ours = writer.get_extra_info("sockname")[1]

    def is_gone() -> bool:
        return all(one.peername is None or one.peername[1] != ours for one in server.connections)

    await eventually(lambda: not is_gone(), "the server has the connection")
    await eventually(is_gone, "the server has dropped it")
    writer.transport.abort()


async def test_requests_whose_answers_are_not_read_wait(api: Api) -> None:
    """Of 2,000 that stand behind one another, only those are done whose answers fit into the buffers."""
    message = json.dumps({"to": "a", "content": "x" * 60_000}).encode()
    reader, writer = await connect(api)
    reader._transport.pause_reading()  # type: ignore[attr-defined]  # asyncio reads ahead by itself
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(message) + message
    sending = asyncio.create_task(_send(writer, request, 2_000))
    seen = -1

    async def stands_still() -> bool:
        nonlocal seen
        before, seen = seen, await api.count("messages")
        return 0 < seen == before

    assert await eventually(stands_still, "no more messages are taken", every=1)
    assert seen < 500
    sending.cancel()
    writer.transport.abort()


async def _send(writer: asyncio.StreamWriter, request: bytes, times: int) -> None:
    for _ in range(times):
        writer.write(request)
        await writer.drain()


@pytest.mark.parametrize("begun", [b"", b"GET /heal", HEAD + b"Content-Length: 100\r\n\r\n{"])
async def test_a_client_with_all_connections_makes_room_for_another(database: str, begun: bytes) -> None:
    async with running_api(api_settings(database, http={"maxConnections": 16})) as api:
        taken = [await connect(api, "127.0.0.2") for _ in range(40)]
        for _, writer in taken:
            writer.write(begun)
        for _ in range(3):
            reader, writer = await connect(api, "127.0.0.3")
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert b"200 OK" in await said(reader)
            writer.close()
        for _, writer in taken:
            writer.transport.abort()


async def test_without_any_room_a_client_is_told_to_come_again(database: str) -> None:
    async with running_api(api_settings(database, http={"maxConnections": 16})) as api:
        await api.db.execute(b"BEGIN; LOCK TABLE customers")
        own = asyncio.create_task(api.get("/v1/customers/default"))
        busy = [await connect(api, "127.0.0.2") for _ in range(15)]
        for _, writer in busy:
            writer.write(b"GET /v1/customers/default HTTP/1.1\r\nHost: localhost\r\n\r\n")
        server = api.runner.server
        assert server is not None

        def is_full() -> bool:
            return sum(isinstance(one, Connection) and not one.awaits_client for one in server.connections) == 16

        await eventually(is_full, "all connections are busy")
        reader, writer = await connect(api, "127.0.0.3")
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = await said(reader)
        assert problem(answer) == (b"503", "unavailable")
        assert b"Retry-After: 1" in answer
        writer.close()
        await api.db.execute(b"ROLLBACK")
        assert (await own).status == 200
        for reader, writer in busy:
            assert b"200 OK" in await reader.readline()
            writer.transport.abort()


class _Waiting:
    awaits_client = True

    def force_close(self) -> None:
        self.awaits_client = False


def test_the_oldest_connection_of_the_greediest_client_gives_way() -> None:
    table = ConnectionTable(4)
    greedy, modest = [_Waiting() for _ in range(3)], _Waiting()
    for one in greedy:
        assert table.add(one, "2001:db8::1")
    assert table.add(modest, "192.0.2.1")
    assert table.add(_Waiting(), "2001:db8::2")  # the same network, which has the most itself
    assert [one.awaits_client for one in greedy] == [False, True, True]
    assert table.add(_Waiting(), "192.0.2.2")
    assert [one.awaits_client for one in (*greedy, modest)] == [False, False, True, True]


def test_a_process_has_fewer_connections_than_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    assert ConnectionTable(1_000).most == 192
