"""`python -m sendoff_http`: several processes share a port, and a shutdown finishes what was begun."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil

from support.api import Api
from support.waiting import eventually


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@asynccontextmanager
async def server(config: Path, **environ: str) -> AsyncIterator[Process]:
    command = (sys.executable, "-m", "sendoff_http", "--config", str(config))
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environ}, stderr=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def write_config(folder: Path, database: str, port: int) -> Path:
    path = folder / "config.yaml"
    path.write_text(f"postgres: {{url: '{database}'}}\nhttp: {{port: {port}}}\nlogging: {{level: warning}}\n")
    return path


async def test_two_processes_share_the_port_and_end_cleanly(api: Api, database: str, tmp_path: Path) -> None:
    port = free_port()
    config = write_config(tmp_path, database, port)
    async with (
        server(config, SENDOFF_INSTANCE="app", SENDOFF_PROCESS="0/2") as one,
        server(config, SENDOFF_INSTANCE="app", SENDOFF_PROCESS="1/2") as two,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):

        async def both_are_members() -> bool:
            instances = (await api.get("/v1/scheduler")).json["instances"]
            return any(one["instance"] == "app" and one["processes"] == 2 for one in instances)

        def both_listen() -> bool:
            """A member joins the fleet before it listens."""
            return {one.pid, two.pid} <= {
                each.pid
                for each in psutil.net_connections("tcp")
                if each.laddr and each.laddr.port == port and each.status == "LISTEN"
            }

        joined: bool = await eventually(both_are_members, "both processes are members of the fleet")
        assert joined
        await eventually(both_listen, "both processes listen")

        async def post(number: int) -> bool:
            async with session.post("/v1/messages", json={"to": f"n{number}", "content": 1}) as response:
                return response.status == 202

        sent = await asyncio.gather(*(post(number) for number in range(100)))
        assert all(sent)
        assert await api.count("messages") == 100
        for process in (one, two):
            process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(one.wait(), 20) == await asyncio.wait_for(two.wait(), 20) == 0


async def test_wrong_settings_end_the_process_with_a_word(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    for text, says in (
        ("http: {prot: 1}", b"did you mean port?"),
        ("{}", b"postgres.url"),
    ):
        config.write_text(text)
        async with server(config) as process:
            _, errors = await process.communicate()
        assert process.returncode == 2
        assert says in errors
        assert b"Traceback" not in errors


async def test_a_process_that_is_told_to_end_answers_on_and_says_so(api: Api, database: str, tmp_path: Path) -> None:
    port = free_port()
    config = write_config(tmp_path, database, port)
    async with (
        server(config, SENDOFF_HTTP__SHUTDOWN_DELAY="3s") as process,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):

        async def status(path: str) -> int:
            try:
                async with session.get(path) as response:
                    return response.status
            except aiohttp.ClientConnectionError:
                return 0

        async def is_ready() -> bool:
            return await status("/health/ready") == 200

        async def is_leaving() -> bool:
            return await status("/health/ready") == 503

        await eventually(is_ready, "the process is ready")
        process.send_signal(signal.SIGTERM)
        await eventually(is_leaving, "readiness fails", timeout=2, every=0.01)
        for body in ({"to": "a", "content": 1}, {}):  # the first one has a short way of its own
            async with session.post("/v1/messages", json=body) as response:
                assert response.status == (202 if body else 422)
                assert response.headers["Connection"] == "close"
        assert await asyncio.wait_for(process.wait(), 20) == 0
    assert await api.count("messages") == 1


async def test_a_body_that_is_being_sent_at_the_end_is_still_taken(api: Api, database: str, tmp_path: Path) -> None:
    port = free_port()
    body = b'{"to":"a","content":1}'
    head = b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    async with server(write_config(tmp_path, database, port)) as process:

        async def connected() -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
            return None

        reader, writer = await eventually(connected, "the process listens")
        writer.write(head % len(body) + b"\r\n" + body[:5])

        async def is_refused() -> bool:
            late = await connected()
            if late is not None:
                late[1].close()
            return late is None

        await asyncio.sleep(0.2)  # the head is there; nothing tells when it was read
        process.send_signal(signal.SIGTERM)
        await eventually(is_refused, "the process listens no more")
        writer.write(body[5:])
        assert (await reader.readline()).startswith(b"HTTP/1.1 202")
        writer.close()
        assert await asyncio.wait_for(process.wait(), 20) == 0
    assert await api.count("messages") == 1
