"""Keeps processes running: starts the dead again with growing pauses, and stops all of them in order."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from sendoff_cli.servers.process import bound_to_parent
from sendoff_config.bootstrap import CONFIGURATION_ERROR
from sendoff_config.ending_signals import handled_to_the_end, waking_signals

_HURRIED_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Process:
    """What to run: its name in messages, its command, its whole environment, and how long it may take to stop.

    `module` is the one that the command runs, if that can be forked off a process that has imported it already.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    patience: float
    descriptors: tuple[int, ...] = ()
    module: str | None = None


class Child(Protocol):
    """A process that was started."""

    @property
    def returncode(self) -> int | None:
        """Its exit code once it has ended; a negative one is the signal that ended it."""
        ...

    def send_signal(self, signal: int, /) -> None:
        """Send it a signal."""
        ...

    async def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        ...


#: Starts a process; raises OSError.
StartProcess = Callable[[Process], Awaitable[Child]]


async def execute(process: Process) -> Child:
    """Start a process by its command; raises OSError."""
    return await asyncio.create_subprocess_exec(
        *process.command,
        env=dict(process.environment),
        stdin=asyncio.subprocess.DEVNULL,
        pass_fds=process.descriptors,
        start_new_session=True,  # Ctrl-C is for the supervisor, which stops the others in order
        preexec_fn=bound_to_parent(signal.SIGTERM),
    )


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds before a restart: `first`, then doubled up to `longest`; `first` again after a life of `stable`."""

    first: float = 1.0
    longest: float = 30.0
    stable: float = 60.0


class Supervisor:
    """Runs the processes of all stages at the same time, and stops them stage by stage, the first stage first."""

    def __init__(
        self,
        stages: Sequence[Sequence[Process]],
        say: Callable[[str], None],
        pauses: Pauses | None = None,
        *,
        start: StartProcess = execute,
    ) -> None:
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._code = 0
        self.say = say
        self._stages = [
            [
                _ManagedProcess(process, start=start, say=say, pauses=pauses or Pauses(), give_up=self.stop)
                for process in stage
            ]
            for stage in stages
        ]

    async def run(self) -> int:
        """Run until `stop` is called and every process has ended; returns the code to exit with."""
        lives = {managed: asyncio.create_task(managed.run()) for stage in self._stages for managed in stage}
        for life in lives.values():
            life.add_done_callback(lambda _: self.stop(1))  # before its time only by a mistake of ours
        await self._stop.wait()
        for stage in self._stages:
            for managed in stage:
                managed.leave()
            await asyncio.gather(*(self._ended(managed, lives[managed]) for managed in stage))
        return self._code

    def stop(self, code: int = 0) -> None:
        """Ask for the orderly end of everything; the first call decides the exit code."""
        if not self._stop.is_set():
            self._code = code
            self._stop.set()

    def hurry(self) -> None:
        """Do not wait for one stage before the next one, and only a few seconds for any process."""
        self._hurry.set()
        for stage in self._stages:
            for managed in stage:
                managed.leave()

    async def _ended(self, managed: "_ManagedProcess", life: "asyncio.Task[None]") -> None:
        hurry = asyncio.create_task(self._hurry.wait())
        await asyncio.wait((life, hurry), timeout=managed.process.patience, return_when=asyncio.FIRST_COMPLETED)
        if hurry.done():
            await asyncio.wait((life,), timeout=_HURRIED_SECONDS)
        hurry.cancel()
        if not life.done():
            self.say(f"{managed.process.name} does not stop and is killed")
            managed.kill()
        await life


class _ManagedProcess:
    """One process that is started again whenever it ends."""

    def __init__(
        self,
        process: Process,
        *,
        start: StartProcess,
        say: Callable[[str], None],
        pauses: Pauses,
        give_up: Callable[[int], None],
    ) -> None:
        self.process = process
        self._start = start
        self._say = say
        self._pauses = pauses
        self._give_up = give_up
        self._leaving = asyncio.Event()
        self._child: Child | None = None

    async def run(self) -> None:
        """Keep the process running until `leave`, or until it says that its configuration is wrong."""
        pause = self._pauses.first
        while not self._leaving.is_set():
            began = time.monotonic()
            end, code = await self._live()
            if self._leaving.is_set():
                return
            if code == CONFIGURATION_ERROR:
                self._say(f"{self.process.name} {end}: its configuration is wrong, so everything stops")
                self._give_up(CONFIGURATION_ERROR)
                return
            if time.monotonic() - began >= self._pauses.stable:
                pause = self._pauses.first
            self._say(f"{self.process.name} {end}; it starts again in {pause:g} s")
            await self._rest(pause)
            pause = min(2 * pause, self._pauses.longest)

    def leave(self) -> None:
        """Ask the process to end, and do not start it again; repeated calls ask once."""
        if not self._leaving.is_set():
            self._leaving.set()
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process at once."""
        self._signal(signal.SIGKILL)

    async def _live(self) -> tuple[str, int | None]:
        """Start the process and wait for its end: what became of it in words, and its exit code if it has one."""
        try:
            self._child = await self._start(self.process)
        except OSError as error:
            return f"cannot be started ({error})", None
        if self._leaving.is_set():  # asked to leave while it was being started
            self._signal(signal.SIGTERM)
        code = await self._child.wait()
        return (f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"), code

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._leaving.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None and self._child.returncode is None:
            with suppress(ProcessLookupError):
                self._child.send_signal(number)


@contextmanager
def stopped_by_signals(supervisor: Supervisor) -> Iterator[None]:
    """Within the block the ending signals stop the supervisor, and a second one makes it hurry.

    SIGHUP never hurries: a terminal that closes sends two, and a service manager may send one after its SIGTERM.
    Afterwards they are ignored until the caller handles them again: what they ask for is done already.
    """
    loop = asyncio.get_running_loop()
    received: list[int] = []

    def on_first() -> None:
        supervisor.stop()
        supervisor.say("stopping in order; a second Ctrl-C hurries")

    def on_signal(number: int, _: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1:
            loop.call_soon_threadsafe(on_first)
        elif number != signal.SIGHUP:
            loop.call_soon_threadsafe(supervisor.hurry)

    with waking_signals(loop), handled_to_the_end(on_signal):
        yield
