"""The gateway of docker-compose.yml, as Debian's nginx, in front of two instances: nobody notices that one restarts."""

import asyncio
import json
import re
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from sendoff_http.messages.create_batch import BATCH_LIMIT
from support.debian import require_program
from support.instances import Launcher, launcher
from support.raw_receiver import Peer, RawReceiver, Script, raw_receiver
from support.waiting import eventually, wait_until
from support.whole_sendoff import free_port

ROOT = Path(__file__).parents[3]
CLIENTS = 8


def configuration(folder: Path, port: int, apis: list[int]) -> str:
    """The gateway's file, with two servers instead of Docker's names, and nothing outside of the folder."""
    text = (ROOT / "deploy/gateway/nginx.conf").read_text()
    (options,) = re.findall(r"server messaging-app:8080 resolve (.*);", text)
    servers = " ".join(f"server 127.0.0.1:{api} {options};" for api in apis)
    text = re.sub(r"server messaging-app:8080 .*;", servers, text)
    text = re.sub(r"resolver .*;", "", text)
    text = text.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    text = text.replace("/tmp/", f"{folder}/").replace("/dev/stderr", f"{folder}/error.log")
    return text.replace("/dev/stdout", f"{folder}/access.log")


@contextmanager
def gateway(folder: Path, apis: list[int]) -> Iterator[str]:
    program = require_program("nginx", package="nginx")
    port, file, log = free_port(), folder / "nginx.conf", folder / "error.log"
    file.write_text(configuration(folder, port, apis))
    options = "daemon off; user root;" if Path("/proc/self").stat().st_uid == 0 else "daemon off;"
    command = [program, "-e", str(log), "-c", str(file), "-g", options]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until((folder / "nginx.pid").exists, "nginx runs")
        assert process.poll() is None, log.read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


async def use(session: aiohttp.ClientSession, answers: "Counter[Any]", until: asyncio.Event) -> None:
    """Send and read, one after the other."""
    while not until.is_set():
        async with session.post("/v1/messages", json={"to": "a", "content": "x", "delay": "1h"}) as response:
            answers[response.status] += 1
        async with session.get("/v1/scheduler") as response:
            answers[response.status] += 1


def served(folder: Path, port: int) -> int:
    """How many requests that instance has answered at once."""
    return (folder / "access.log").read_text().count(f"to 127.0.0.1:{port} id")


async def restart_in_turn(launch: Launcher, ports: list[int], folder: Path) -> None:
    """Restart each instance twice; the next one when the gateway uses the restarted one again."""
    running = [launch.processes[-2], launch.processes[-1]]
    for index in (0, 1, 0, 1):
        assert await asyncio.to_thread(running[index].stop) == 0
        running[index] = await asyncio.to_thread(launch.api, ports[index], f"api-{index}")
        before = {port: served(folder, port) for port in ports}

        def both_are_used(before: dict[int, int] = before) -> bool:
            return all(served(folder, port) > count + 20 for port, count in before.items())

        await eventually(both_are_used, "both are used", timeout=60)


async def test_restarts_in_turn_under_load_cost_nobody_a_request(sendoff_database: str, tmp_path: Path) -> None:
    settings = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["x-settings"]
    environment = {
        "SENDOFF_POSTGRES__URL": sendoff_database,
        "SENDOFF_LOGGING__LEVEL": "warning",
        "SENDOFF_HTTP__SHUTDOWN_DELAY": settings["SENDOFF_HTTP__SHUTDOWN_DELAY"],
    }
    ports = [free_port(), free_port()]
    answers: Counter[Any] = Counter()
    ended = asyncio.Event()
    with launcher(tmp_path, environment) as launch:
        for index, port in enumerate(ports):
            await asyncio.to_thread(launch.api, port, f"api-{index}")
        with gateway(tmp_path, ports) as url:
            async with aiohttp.ClientSession(url) as session, asyncio.TaskGroup() as group:
                for _ in range(CLIENTS):
                    group.create_task(use(session, answers, ended))
                await restart_in_turn(launch, ports, tmp_path)
                ended.set()
    assert set(answers) == {200, 202}, (answers, (tmp_path / "error.log").read_text()[:1500])


@asynccontextmanager
async def behind_gateway(folder: Path, script: Script) -> AsyncIterator[tuple[RawReceiver, int]]:
    """One replica that does what the script says, and the gateway's port."""
    async with raw_receiver(script) as replica:
        with gateway(folder, [replica.port]) as url:
            yield replica, int(url.rpartition(":")[2])


@asynccontextmanager
async def client(port: int, sent: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """A connection on which that was sent, and no more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        yield reader
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def head(length: int) -> bytes:
    return f"POST /v1/messages/batch HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n".encode()


def large_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 1024 * 1024]


async def test_a_body_is_handed_on_as_it_comes_and_kept_nowhere(tmp_path: Path) -> None:
    half, arrived = 4 * 1024 * 1024, asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.read(half)
        arrived.set()
        await peer.gone()

    async with behind_gateway(tmp_path, script) as (_, port), client(port, head(2 * half) + b"x" * half):
        async with asyncio.timeout(60):
            await arrived.wait()
        assert large_files(tmp_path) == []


async def test_a_body_beyond_the_largest_of_the_api_is_refused_unread(tmp_path: Path) -> None:
    async with behind_gateway(tmp_path, Peer.gone) as (replica, port):
        async with client(port, head(BATCH_LIMIT + 1)) as reader:
            async with asyncio.timeout(60):
                answer = await reader.readuntil(b"}")
        status, _, document = answer.partition(b"\r\n\r\n")
        assert status.startswith(b"HTTP/1.1 413 ")
        assert b"content-type: application/problem+json" in status.lower()
        assert b"server: nginx\r\n" in status.lower()
        assert json.loads(document)["code"] == "body_too_large"
        assert replica.peers == []


@pytest.mark.parametrize("sent", [b"POST / HTTP/1.1\r\nhost: loc", head(9) + b"x"])
async def test_a_client_that_sends_no_more_is_let_go(tmp_path: Path, sent: bytes) -> None:
    async with behind_gateway(tmp_path, Peer.gone) as (_, port), client(port, sent) as reader:
        async with asyncio.timeout(60):  # it takes 15 s
            answer = await reader.read()
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")


def test_the_gateway_allows_as_large_a_body_as_the_api() -> None:
    (limit,) = re.findall(r"client_max_body_size (\d+)m;", (ROOT / "deploy/gateway/nginx.conf").read_text())
    assert int(limit) * 1024 * 1024 == BATCH_LIMIT
