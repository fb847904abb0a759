"""A bulk resend as somebody at a terminal sees it: the question, the bar, and what Ctrl-C ends."""

import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from support.api import Api
from support.command_line import COMMAND, clean_environment
from support.places import bury
from support.waiting import eventually


@dataclass
class Terminal:
    """The command on a terminal of its own, and all that it has written there."""

    popen: "subprocess.Popen[bytes]"
    end: int
    said: bytearray = field(default_factory=bytearray)

    async def says(self, text: str) -> None:
        """Wait until it is written."""
        await eventually(lambda: text.encode() in self._read(), f"{text!r} is said", timeout=40)

    def type(self, keys: bytes) -> None:
        """Press keys; \\x03 is Ctrl-C."""
        os.write(self.end, keys)

    async def ended(self) -> int:
        """Wait for its end; returns the exit code."""
        await eventually(lambda: self._read() and self.popen.poll() is not None, "the command ends")
        return self.popen.wait()

    def _read(self) -> bytes:
        with suppress(OSError):  # nothing new, or the command has closed its end
            self.said += os.read(self.end, 65_536)
        return bytes(self.said)


@contextmanager
def terminal(*words: str, folder: Path) -> Iterator[Terminal]:
    """Run the command on a terminal of its own; it is gone after the block."""
    end, its_end = pty.openpty()
    os.set_blocking(end, False)
    environment = clean_environment({}) | {"TERM": "xterm"}
    popen = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *COMMAND, *words],
        cwd=folder, env=environment, stdin=its_end, stdout=its_end, stderr=its_end,
    )  # fmt: skip
    os.close(its_end)
    try:
        yield Terminal(popen, end)
    finally:
        popen.kill()
        popen.wait(10)
        os.close(end)  # hangs up, which ends whatever still runs there


async def test_ctrl_c_cancels_a_job_that_waits_for_an_answer_and_leaves_one_that_runs(api: Api, folder: Path) -> None:
    await bury(api.db, await api.create())
    words = ("dead-letters", "resend", "--all", "--url", api.url)
    with terminal(*words, folder=folder) as shown:
        await shown.says("resend 1 of all customers, at most 10 a second? [y/N]")
        shown.type(b"\x03")
        await shown.says("is cancelled, nothing was done")
        assert await shown.ended() == 1
    with terminal(*words, folder=folder) as shown:
        await shown.says("[y/N]")
        shown.type(b"y\n")
        await shown.says("0/1")
        shown.type(b"\x03")
        await shown.says("goes on: `sendoff jobs watch job_")
        assert await shown.ended() == 1
    states = [job["state"] for job in (await api.get("/v1/jobs")).json["data"]]
    assert states == ["running", "cancelled"]
