"""Batches that are never going to be stored cost a process no more memory than their bodies, however many come."""

import asyncio
import io
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from sendoff_domain.errors import UnavailableError
from sendoff_http.messages.batch_items import MOST_ITEMS
from sendoff_http.web import body_memory
from sendoff_http.web.body_memory import BodyMemory
from support.api import Api
from support.instances import Process, launcher
from support.waiting import eventually
from support.whole_sendoff import free_port

MIB = 1024 * 1024
JSON = {"Content-Type": "application/json"}
LINES = {"Content-Type": "application/x-ndjson"}
MANY = b"[" + b"1," * (4 * MIB) + b"1]"


@pytest.fixture
async def server(api: Api, database: str, tmp_path: Path) -> AsyncIterator[tuple[Process, str]]:
    """A process of its own, and its address."""
    port = free_port()
    with launcher(tmp_path, {"SENDOFF_POSTGRES__URL": database, "SENDOFF_LOGGING__LEVEL": "warning"}) as launched:
        process = await asyncio.to_thread(launched.api, port)
        yield process, f"http://127.0.0.1:{port}"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_memory_stays_flat_under_many_bad_batches(server: tuple[Process, str]) -> None:
    process, url = server
    deep, cut = b"[" * (8 * MIB), b"[" + b"[]," * (3 * MIB)
    contents = b'{"to":"a","content":[%b1]}\n' % (b"[]," * 20_000)
    bodies = [(MANY, JSON, 422), (deep, JSON, 400), (cut, JSON, 400), (b"\n" * (8 * MIB), LINES, 422)] * 3
    bodies += [(b"1\n" * (4 * MIB), LINES, 422), (contents * 128, LINES, 202)]
    before = psutil.Process(process.popen.pid).memory_info().rss
    async with aiohttp.ClientSession(url) as session:

        async def post(body: bytes, headers: dict[str, str]) -> int:
            async with session.post("/v1/messages/batch", data=io.BytesIO(body), headers=headers) as response:
                return response.status

        statuses = await asyncio.gather(*(post(body, headers) for body, headers, _ in bodies))
    assert statuses == [status for _, _, status in bodies]
    assert _peak(process) - before < 300 * MIB


def _peak(process: Process) -> int:
    lines = Path(f"/proc/{process.popen.pid}/status").read_text().splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peak) * 1024


async def test_as_many_messages_as_are_allowed_may_have_as_many_commas_as_they_like(api: Api) -> None:
    message = b'{"to":"a","delay":"1h","content":[%b1]}' % (b"1," * 30)
    for count, status in ((MOST_ITEMS, 202), (MOST_ITEMS + 1, 422)):
        body = b"[" + b",".join([message] * count) + b"]"
        reply = await api.post("/v1/messages/batch", data=io.BytesIO(body), headers=JSON)
        assert reply.status == status
    assert await api.count("messages") == MOST_ITEMS


async def test_who_waits_for_room_gets_it_in_order() -> None:
    memory, order = BodyMemory(100), list[str]()

    async def hold(name: str, size: int, until: asyncio.Event) -> None:
        async with memory.reserved(size):
            order.append(name)
            await until.wait()

    first, last = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(hold("first", 60, first))
        group.create_task(hold("large", 100, last))
        group.create_task(hold("small", 10, last))
        await eventually(lambda: order == ["first"], "the first one has room")
        first.set()
        await eventually(lambda: order == ["first", "large"], "the large one has all of it")
        last.set()
    assert order == ["first", "large", "small"]


async def test_who_gets_no_room_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_memory, "_PATIENCE_SECONDS", 0.05)
    memory = BodyMemory(100)
    async with memory.reserved(90):
        with pytest.raises(UnavailableError, match="too many large bodies"):
            async with memory.reserved(50):
                pass
        async with memory.reserved(10):  # who is behind one that gave up is let in
            pass
    async with memory.reserved(100):
        pass
