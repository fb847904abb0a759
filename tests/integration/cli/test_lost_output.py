"""A log that can't be written stops nothing; a result that can't be written is said by the exit code."""

import os
import subprocess
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO

import pytest

from support.client import Client
from support.command_line import CLOSED, COMMAND, Running, clean_environment, running_into
from support.waiting import wait_until

FULL = Path("/dev/full")


@contextmanager
def vanished_reader() -> Iterator[int]:
    """A pipe whose reader is gone, as that of `| head` is."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@contextmanager
def stalled_reader() -> Iterator[int]:
    """A full pipe whose reader reads nothing, as `| less` does, or a terminal after Ctrl-S."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    yield writer
    os.close(writer)
    os.close(reader)


@contextmanager
def full_disk() -> Iterator[IO[bytes]]:
    """A file on a disk without space."""
    with FULL.open("wb") as file:
        yield file


@contextmanager
def read_only() -> Iterator[IO[bytes]]:
    """A file that may only be read: each write fails as one to a closed file does."""
    with Path(os.devnull).open("rb") as file:
        yield file


Lost = Callable[[], AbstractContextManager[IO[bytes] | int]]
OUTPUTS: list[Lost] = [vanished_reader, stalled_reader, full_disk, read_only]


def is_ready(started: Running) -> bool:
    try:
        return bool(started.get("/health/ready")["status"] == "ready")
    except (urllib.error.URLError, OSError):
        assert started.alive
        return False


@pytest.mark.timeout(120)
@pytest.mark.parametrize("lost", [vanished_reader, stalled_reader, full_disk], ids=lambda lost: lost.__name__)
def test_an_instance_serves_without_its_log(folder: Path, lost: Lost) -> None:
    """Its sample webhook, which prints what it gets, answers as well."""
    with lost() as output, running_into(output, "up", "--data", folder / "data", folder=folder) as up:
        wait_until(lambda: is_ready(up), "the API is ready", timeout=60)
        up.one("sendoff worker").kill()  # the supervisor says so, and starts another one
        message = Client(up.url).send()
        wait_until(lambda: up.get(f"/v1/messages/{message}")["status"] == "sent", "the message is sent", timeout=60)
        assert len(up.get(f"/v1/messages/{message}/attempts")["data"]) == 1
        assert up.stop() == 0
        assert up.survivors() == []
    assert "database system is shut down" in (folder / "data" / "postgres.log").read_text()


@pytest.mark.timeout(120)
def test_an_instance_serves_with_both_outputs_closed(folder: Path) -> None:
    with running_into(CLOSED, "up", "--data", folder / "data", folder=folder) as up:
        wait_until(lambda: is_ready(up), "the API is ready", timeout=60)
        assert up.stop() == 0
        assert up.survivors() == []


def test_wrong_settings_are_told_by_the_code_when_the_log_is_lost(folder: Path) -> None:
    (folder / "config.yaml").write_text("nonsense: 1\n")
    for lost in OUTPUTS:
        with lost() as output, running_into(output, "up", "--data", folder / "data", folder=folder) as up:
            assert up.wait() == 2


def run_into(command: tuple[str, ...], folder: Path, stdout: int | IO[bytes]) -> "subprocess.CompletedProcess[bytes]":
    """Run the command to its end with that standard output."""
    return subprocess.run(
        [*COMMAND, *command],
        cwd=folder,
        env=clean_environment({"PYTHONUNBUFFERED": ""}),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )


def results(up: Running) -> list[tuple[str, ...]]:
    """Commands that print a result, for a person and for a program."""
    return [("--help",), ("status", "--url", up.url), ("customers", "list", "--json", "--url", up.url)]


def test_a_result_that_nobody_reads_ends_the_command_quietly(up: Running, folder: Path) -> None:
    for command in results(up):
        with vanished_reader() as output:
            ended = run_into(command, folder, output)
        assert (ended.returncode, ended.stderr) == (1, b""), command


def test_a_result_that_cannot_be_written_is_an_error_in_one_line(up: Running, folder: Path) -> None:
    for command in results(up):
        with full_disk() as output:
            ended = run_into(command, folder, output)
        said = b"sendoff: the result cannot be written: No space left on device\n"
        assert (ended.returncode, ended.stderr) == (1, said), command
