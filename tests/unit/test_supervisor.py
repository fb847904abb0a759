"""The supervisor with real, tiny processes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sendoff_cli.supervisor import Pauses, Process, Supervisor, stopped_by_signals
from support.ending_signals import signals_as_before
from support.waiting import eventually, wait_until

__all__ = ["signals_as_before"]

pytestmark = pytest.mark.usefixtures("signals_as_before")

QUICK = Pauses(first=0.01, longest=0.04, stable=60)
FOREVER = "import time; time.sleep(600)"
#: Says in a file that it runs, then waits; SIGTERM writes a second line.
POLITE = """
import pathlib, signal, sys, threading
book = pathlib.Path(sys.argv[1])
def note(text):
    with book.open("a") as file:
        file.write(text + "\\n")
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
note("started " + sys.argv[2])
stop.wait()
note("stopped " + sys.argv[2])
"""
STUBBORN = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).write_text(str(__import__("os").getpid()))
time.sleep(600)
"""


def tiny(name: str, code: str, *arguments: object, patience: float = 10.0) -> Process:
    command = (sys.executable, "-c", code, *(str(argument) for argument in arguments))
    return Process(name, command, dict(os.environ), patience)


def lines(book: Path) -> list[str]:
    return book.read_text().splitlines() if book.exists() else []


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def supervised(
    stages: list[list[Process]], act: Callable[[Supervisor], Awaitable[None]], pauses: Pauses = QUICK
) -> tuple[int, list[str]]:
    news: list[str] = []
    supervisor = Supervisor(stages, news.append, pauses)
    running = asyncio.create_task(supervisor.run())
    try:
        await act(supervisor)
    finally:
        supervisor.stop()
        code = await running
    return code, news


async def test_a_process_that_ends_is_started_again_and_said_so(tmp_path: Path) -> None:
    book = tmp_path / "book"
    process = tiny("worker 0", "import sys; open(sys.argv[1], 'a').write('x\\n'); sys.exit(7)", book)

    async def act(_: Supervisor) -> None:
        await eventually(lambda: len(lines(book)) >= 3, "the process ran three times")

    code, news = await supervised([[process]], act)
    assert code == 0
    assert news[0] == "worker 0 ended with exit code 7; it starts again in 0.01 s"


async def test_the_pause_before_a_restart_doubles_up_to_the_longest() -> None:
    news: list[str] = []
    supervisor = Supervisor([[tiny("w", "pass")]], news.append, QUICK)
    running = asyncio.create_task(supervisor.run())
    await eventually(lambda: len(news) >= 4, "four ends were told of")
    supervisor.stop()
    await running
    assert [text.rpartition(" in ")[2] for text in news[:4]] == ["0.01 s", "0.02 s", "0.04 s", "0.04 s"]


async def test_a_process_that_lived_long_enough_starts_again_after_the_first_pause() -> None:
    news: list[str] = []
    supervisor = Supervisor([[tiny("w", "pass")]], news.append, Pauses(first=0.01, longest=1, stable=0))
    running = asyncio.create_task(supervisor.run())
    await eventually(lambda: len(news) >= 3, "three ends were told of")
    supervisor.stop()
    await running
    assert {text.rpartition(" in ")[2] for text in news[:3]} == {"0.01 s"}


async def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    book = tmp_path / "book"
    code = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(600)"

    async def act(_: Supervisor) -> None:
        first = await eventually(lambda: lines(book), "the process runs")
        os.kill(int(first[0]), signal.SIGKILL)
        await eventually(lambda: len(lines(book)) == 2, "another process runs")

    _, news = await supervised([[tiny("worker 0", code, book)]], act)
    assert news == ["worker 0 was ended by SIGKILL; it starts again in 0.01 s"]
    assert not any(runs(int(pid)) for pid in lines(book))


async def test_a_configuration_error_of_one_process_ends_everything_with_its_code(tmp_path: Path) -> None:
    book = tmp_path / "book"
    wrong = tiny("http 0", "import sys; sys.exit(2)")
    news: list[str] = []
    supervisor = Supervisor([[wrong], [tiny("worker 0", POLITE, book, "worker")]], news.append, QUICK)
    assert await supervisor.run() == 2
    assert news == ["http 0 ended with exit code 2: its configuration is wrong, so everything stops"]


async def test_the_stages_stop_one_after_the_other(tmp_path: Path) -> None:
    book = tmp_path / "book"
    stages = [[tiny("http 0", POLITE, book, "http")], [tiny("worker 0", POLITE, book, "worker")]]

    async def act(_: Supervisor) -> None:
        await eventually(lambda: len(lines(book)) == 2, "both processes run")

    await supervised(stages, act)
    assert lines(book)[2:] == ["stopped http", "stopped worker"]


async def test_a_process_that_does_not_stop_is_killed_when_its_patience_is_over(tmp_path: Path) -> None:
    file = tmp_path / "pid"

    async def act(_: Supervisor) -> None:
        await eventually(lambda: lines(file), "the process runs")

    _, news = await supervised([[tiny("worker 0", STUBBORN, file, patience=0.2)]], act)
    assert news == ["worker 0 does not stop and is killed"]
    assert not runs(int(file.read_text()))


async def test_a_second_request_does_not_wait_for_the_patience_of_a_process(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    news: list[str] = []
    supervisor = Supervisor([[tiny("worker 0", STUBBORN, file, patience=500)]], news.append, QUICK)
    running = asyncio.create_task(supervisor.run())
    await eventually(lambda: lines(file), "the process runs")
    supervisor.stop()
    supervisor.hurry()
    async with asyncio.timeout(60):
        await running
    assert news == ["worker 0 does not stop and is killed"]


async def test_a_command_that_does_not_exist_is_tried_again_and_said_so() -> None:
    news: list[str] = []
    supervisor = Supervisor([[Process("worker 0", ("/nowhere/at-all",), {}, 1.0)]], news.append, QUICK)
    running = asyncio.create_task(supervisor.run())
    await eventually(lambda: len(news) >= 2, "two tries were told of")
    supervisor.stop()
    assert await running == 0
    assert "worker 0 cannot be started" in news[0]


async def test_a_stop_during_the_pause_before_a_restart_ends_at_once() -> None:
    news: list[str] = []
    supervisor = Supervisor([[tiny("worker 0", "pass")]], news.append, Pauses(first=300))
    running = asyncio.create_task(supervisor.run())
    await eventually(lambda: news, "the process ended")
    supervisor.stop()
    async with asyncio.timeout(10):
        assert await running == 0


async def test_a_signal_stops_the_supervisor_and_a_later_one_does_nothing() -> None:
    news: list[str] = []
    supervisor = Supervisor([[tiny("worker 0", FOREVER)]], news.append, QUICK)
    with stopped_by_signals(supervisor):
        running = asyncio.create_task(supervisor.run())
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await running == 0
    assert news == ["stopping in order; a second Ctrl-C hurries"]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        os.kill(os.getpid(), number)


async def test_a_closing_terminal_does_not_hurry_the_supervisor_however_often_it_says_so(tmp_path: Path) -> None:
    slow = POLITE.replace('note("stopped', 'import time; time.sleep(0.5); note("stopped')
    stages = [
        [tiny("http 0", slow, tmp_path / "book", "http")],
        [tiny("worker 0", POLITE, tmp_path / "book", "worker")],
    ]
    supervisor = Supervisor(stages, lambda _: None, QUICK)
    with stopped_by_signals(supervisor):
        running = asyncio.create_task(supervisor.run())
        await eventually(lambda: len(lines(tmp_path / "book")) == 2, "both processes run")
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0.05)
        async with asyncio.timeout(10):
            assert await running == 0
    assert lines(tmp_path / "book")[2:] == ["stopped http", "stopped worker"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_no_process_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    code = f"""
import asyncio, os, sys
from sendoff_cli.supervisor import Process, Supervisor
child = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
process = Process("child", (sys.executable, "-c", child, {str(file)!r}), dict(os.environ), 5)
async def main():
    await Supervisor([[process]], print).run()
asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    try:
        wait_until(lambda: lines(file), "the child runs")
    finally:
        parent.kill()
        parent.wait()
    wait_until(lambda: not runs(int(file.read_text())), "the child is gone")
