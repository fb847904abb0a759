"""Every signal that asks a process to end is followed in order, whoever sends it: a terminal that closes, too."""

import ctypes
import os
import pty
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from support.client import Client
from support.command_line import COMMAND, Running, clean_environment, invoke, lives, running, running_into
from support.instances import Launcher
from support.producer import SMALL_STREAMS, remove_streams
from support.receiver import Receiver
from support.waiting import wait_until
from support.warm_processes import ForkedProcess
from support.whole_sendoff import free_port, launch, prefix  # noqa: F401  fixtures

COUNT = 600
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
LOOPBACK = {"SECURITY__ALLOWED_NETWORKS": '["127.0.0.0/8"]'}


def under_load(started: Running, receiver: Receiver) -> set[str]:
    """Wait until messages flow to a slow webhook; returns all their ids."""
    started.wait_until_said("Sendoff is ready")
    receiver.answer_late(0.2)
    ids = set(Client(started.url).send_many(COUNT))
    wait_until(lambda: len(receiver.ids()) > COUNT // 20, "messages flow", every=0.01)
    assert len(receiver.ids()) < COUNT
    return ids


def ask_until_ended(process: "subprocess.Popen[bytes] | ForkedProcess", number: signal.Signals) -> int:
    """Send the signal again and again until the process has ended; returns its exit code."""

    def ask() -> bool:
        process.send_signal(number)
        return process.poll() is not None

    wait_until(ask, "it ended", timeout=60, every=0.002)
    return process.wait()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("first", [signal.SIGHUP, signal.SIGTERM])
def test_under_load_everything_ends_in_order_and_nothing_is_sent_twice(
    folder: Path, receiver: Receiver, first: signal.Signals
) -> None:
    """A terminal that closes says so twice, by its shell and by the kernel; systemd may do so after its SIGTERM."""
    settings = {**LOOPBACK, "WEBHOOK__URL": receiver.url}
    with running("up", "--data", folder / "data", folder=folder, **settings) as started:
        ids = under_load(started, receiver)
        started.processes()
        started.popen.send_signal(first)
        wait_until(lambda: "stopping in order" in started.said, "it stops")
        assert started.stop(signal.SIGHUP) == 0
        assert started.survivors() == []
        assert "is killed" not in started.said
        assert "Traceback" not in started.said
        assert "database system is shut down" in (folder / "data" / "postgres.log").read_text()
    with running("up", "--data", folder / "data", folder=folder, **settings) as again:
        again.wait_until_said("Sendoff is ready")
        wait_until(lambda: set(receiver.ids()) == ids, "every message arrived", timeout=60)
        wait_until(lambda: again.get("/v1/stats")["counts"]["sent"] == COUNT, "every message is recorded")
        assert again.stop() == 0
    assert set(receiver.ids().values()) == {1}


def test_a_closed_terminal_ends_everything(folder: Path) -> None:
    """With its terminal the log is gone as well, and the kernel tells all that run in the foreground."""
    port = free_port()
    environment = clean_environment({"SENDOFF_HTTP__PORT": str(port), "SENDOFF_WORKERS__PROCESSES": "1"})
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe(COMMAND[0], [*COMMAND, "up", "--data", str(folder / "data")], environment)
    said = bytearray()

    def ready() -> bool:
        said.extend(os.read(terminal, 65536))
        return b"Ctrl-C stops everything" in said

    seen: list[psutil.Process] = []
    try:
        wait_until(ready, "the instance is ready", timeout=60)
        seen = psutil.Process(pid).children(recursive=True)
        os.close(terminal)
        wait_until(lambda: not lives(psutil.Process(pid)), "the supervisor ended", timeout=60)
    finally:
        wait_until(lambda: not [one for one in seen if lives(one)], "everything ended", timeout=60)
        _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert "database system is shut down" in (folder / "data" / "postgres.log").read_text()


def test_a_signal_while_servers_start_stops_those_that_run(folder: Path) -> None:
    with running("up", "--data", folder / "data", folder=folder) as started:
        started.wait_until_said("starting postgres")
        wait_until(lambda: (folder / "data" / "redis.pid").exists(), "a server runs")
        started.processes()
        assert ask_until_ended(started.popen, signal.SIGHUP) == 130, started.said
        assert started.survivors() == []
        assert not list((folder / "data").glob("*.pid"))


def test_a_command_that_is_refused_leaves_the_signals_as_they_were(folder: Path) -> None:
    before = [signal.getsignal(number) for number in ENDING]
    assert invoke("worker", folder=folder).returncode == 2
    assert [signal.getsignal(number) for number in ENDING] == before


def test_a_signal_while_the_interpreter_ends_does_not_make_it_look_killed(folder: Path) -> None:
    with running("up", "--data", folder / "data", folder=folder) as started:
        started.wait_until_said("Sendoff is ready")
        started.processes()
        started.popen.send_signal(signal.SIGTERM)
        assert ask_until_ended(started.popen, signal.SIGHUP) == 0, started.said
        assert started.survivors() == []


def test_who_started_it_with_nohup_may_close_the_terminal(folder: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with running_into(None, "up", "--data", folder / "data", folder=folder) as started:
            started.wait_until_said("Sendoff is ready")
            started.popen.send_signal(signal.SIGHUP)
            with pytest.raises(subprocess.TimeoutExpired):
                started.popen.wait(1)
            assert started.get("/health/ready")["status"] == "ready"
            assert started.stop() == 0
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT])
def test_a_process_alone_ends_in_order(launch: Launcher, number: signal.Signals) -> None:  # noqa: F811
    port = free_port()
    worker, api, api_url = launch.worker(), launch.api(port), f"http://127.0.0.1:{port}"
    message = Client(api_url).send()
    Client(api_url).wait_for(message, "sent")  # so the worker runs
    for process in (worker, api):
        assert ask_until_ended(process.popen, number) == 0, process.tail()


@pytest.mark.skipif(sys.platform != "linux", reason="finds the threads in /proc")
def test_a_worker_follows_a_signal_that_another_of_its_threads_took(launch: Launcher) -> None:  # noqa: F811
    """It ends no wait of the first one; nor does one that the first one takes just before it waits."""
    port = free_port()
    worker, api_url = launch.worker(), f"http://127.0.0.1:{port}"
    launch.api(port)
    Client(api_url).wait_for(Client(api_url).send(), "sent")
    pid, send = worker.popen.pid, ctypes.CDLL(None).tgkill
    others = [int(name) for name in os.listdir(f"/proc/{pid}/task") if int(name) != pid]
    assert any(send(pid, other, signal.SIGTERM) == 0 for other in others)  # a thread may have ended meanwhile
    assert worker.popen.wait(30) == 0, worker.tail()


def test_the_ingest_alone_ends_in_order(launch: Launcher, nats_url: str, prefix: str) -> None:  # noqa: F811
    launch.environment |= {f"SENDOFF_{key}": value for key, value in SMALL_STREAMS.items()}
    ingest = launch.ingest()
    wait_until(lambda: "taking messages in" in ingest.log.read_text(), "it takes messages in")
    assert ask_until_ended(ingest.popen, signal.SIGHUP) == 0, ingest.tail()
    remove_streams(nats_url, prefix)


@pytest.fixture
def sample() -> Iterator["subprocess.Popen[bytes]"]:
    """A sample webhook by itself."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        command = [sys.executable, "-m", "sendoff_cli.sample_webhook", str(listener.fileno())]
        with subprocess.Popen(command, pass_fds=(listener.fileno(),), stdout=subprocess.DEVNULL) as process:
            urllib.request.urlopen(url, timeout=20).close()
            yield process
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM])
def test_the_sample_webhook_ends_in_order(sample: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    sample.send_signal(number)
    assert sample.wait(20) == 0
