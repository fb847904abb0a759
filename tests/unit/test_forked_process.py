"""Processes that are forked off one that has imported what they need."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from sendoff_cli.forked_process import ForkServer, fork_server
from support.command_line import command_of, lives
from support.waiting import eventually

#: Says who it is in a file, then waits; SIGTERM ends it with 3.
PROGRAM = """
import json, os, pathlib, signal, sys
import heavy
signal.signal(signal.SIGTERM, lambda *_: os._exit(3))
book = pathlib.Path(os.environ["BOOK"])
whole = {"heavy": heavy.imported_by, "arguments": sys.argv[1:], "name": __name__, "session": os.getsid(0)}
whole["environment"] = sorted(os.environ)
book.with_suffix(".new").write_text(json.dumps(whole))
book.with_suffix(".new").rename(book)
signal.pause()
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is imported and run here."""
    (tmp_path / "heavy.py").write_text("import os\nimported_by = os.getpid()\n")
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "broken.py").write_text("import sys\nsys.exit(7)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)


@pytest.fixture
async def forks(modules: None) -> AsyncIterator[ForkServer]:
    with fork_server(["heavy"]) as server:
        yield server
        await server.disconnect()


def server_of(forks: ForkServer) -> psutil.Process:
    """The process of a fork server."""
    return psutil.Process(forks.pid)


async def read(book: Path) -> dict[str, object]:
    """What the program has said of itself."""
    await eventually(book.exists, "the program runs")
    return dict(json.loads(await asyncio.to_thread(book.read_text)))


async def test_a_forked_process_is_the_one_that_python_would_have_started(forks: ForkServer, tmp_path: Path) -> None:
    book = tmp_path / "book"
    process = await forks.start("program", "a title", {"BOOK": str(book), "ODD": "\udcff"})
    said = await read(book)
    assert said["heavy"] == forks.pid, "it has imported nothing again"
    assert (said["name"], said["arguments"], said["session"]) == ("__main__", [], process.pid)
    assert said["environment"] == ["BOOK", "ODD"]
    assert command_of(psutil.Process(process.pid)) == ["a", "title"]
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == process.returncode == 3


async def test_several_are_started_at_once(forks: ForkServer, tmp_path: Path) -> None:
    books = [tmp_path / f"book-{number}" for number in range(5)]
    started = await asyncio.gather(*(forks.start("program", "one", {"BOOK": str(book)}) for book in books))
    assert len({process.pid for process in started}) == 5
    for book, process in zip(books, started, strict=True):
        assert (await read(book))["session"] == process.pid
        process.send_signal(signal.SIGTERM)
    assert await asyncio.gather(*(process.wait() for process in started)) == [3] * 5


async def test_the_end_of_a_forked_process_is_told(forks: ForkServer, tmp_path: Path) -> None:
    broken = await forks.start("broken", "broken", {})
    assert await broken.wait() == 7
    broken.send_signal(signal.SIGTERM)  # it has ended: nobody gets it
    killed = await forks.start("program", "killed", {"BOOK": str(tmp_path / "book")})
    killed.send_signal(signal.SIGKILL)
    assert await killed.wait() == -signal.SIGKILL


async def test_what_a_fork_server_has_forked_ends_with_it_and_another_one_takes_its_place(
    forks: ForkServer, tmp_path: Path
) -> None:
    book, again = tmp_path / "book", tmp_path / "again"
    process = await forks.start("program", "first", {"BOOK": str(book)})
    await read(book)
    forked = psutil.Process(process.pid)
    server_of(forks).kill()
    assert await process.wait() == -signal.SIGTERM
    assert not lives(forked)
    await forks.start("program", "second", {"BOOK": str(again)})
    assert (await read(again))["heavy"] == forks.pid


def test_what_was_forked_ends_with_a_starter_that_is_killed(modules: None, tmp_path: Path) -> None:
    starter = """
import asyncio, os, sys
from sendoff_cli.forked_process import fork_server

async def run(forks):
    process = await forks.start("program", "forked", dict(os.environ))
    print(process.pid, forks.pid, flush=True)
    await process.wait()

with fork_server(["heavy"]) as forks:
    asyncio.run(run(forks))
"""
    book = tmp_path / "book"
    environment = {**os.environ, "BOOK": str(book)}
    with subprocess.Popen([sys.executable, "-c", starter], env=environment, stdout=subprocess.PIPE) as popen:
        assert popen.stdout is not None
        forked = [psutil.Process(int(word)) for word in popen.stdout.readline().split()]
        popen.kill()
    _, left = psutil.wait_procs(forked, timeout=30)
    assert not left


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process stand for the first one of a container")
def test_the_first_process_of_a_container_learns_of_the_end_of_what_it_adopts(modules: None, tmp_path: Path) -> None:
    starter = """
import asyncio, ctypes, os, signal
from sendoff_cli.forked_process import fork_server

async def run(forks):
    process = await forks.start("program", "forked", dict(os.environ))
    while not os.path.exists(os.environ["BOOK"]):
        await asyncio.sleep(0.02)
    os.kill(forks.pid, signal.SIGKILL)
    print(await asyncio.wait_for(process.wait(), 30))

assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER
with fork_server(["heavy"]) as forks:
    asyncio.run(run(forks))
"""
    environment = {**os.environ, "BOOK": str(tmp_path / "book")}
    ran = subprocess.run(
        [sys.executable, "-c", starter], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.stdout == "3\n", ran.stderr  # what it says to SIGTERM, which its parent's end brings
