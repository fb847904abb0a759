"""Starts processes by having them forked off one that has imported what they need (`sendoff_cli.fork_server`)."""

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import msgspec

from sendoff_cli.fork_server import HEAD, Ended, Refused, Signal, Start, Started, framed
from sendoff_cli.servers.process import bound_to_parent

_decode = msgspec.msgpack.Decoder(Started | Refused | Ended).decode
#: How often a process is looked for whose end nobody can tell any more (seconds).
_LOOK = 0.1
_LOST = "the fork server has ended"


class ForkedProcess:
    """A process that was forked off; it has what `asyncio.subprocess.Process` has, as far as a supervisor needs it."""

    def __init__(self, number: int, server: "_Connection") -> None:
        self.pid = 0
        self.returncode: int | None = None
        self._number = number
        self._server = server
        self.started = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.returncode is None:
            self._server.signal(self._number, number, self.pid)

    async def wait(self) -> int:
        """Its exit code once it has ended; a negative one is the signal that ended it."""
        await self.ended.wait()
        while self.returncode is None:  # the fork server has ended, and Linux has sent SIGTERM to what it had forked
            self.returncode = _end_of_orphan(self.pid)
            if self.returncode is None:
                await asyncio.sleep(_LOOK)
        return self.returncode


class _Connection:
    """One fork server, and what it tells of the processes that it has forked."""

    def __init__(self, modules: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._popen = subprocess.Popen(  # noqa: S603 the command is ours
                [sys.executable, "-m", "sendoff_cli.fork_server", str(theirs.fileno()), *modules],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                preexec_fn=bound_to_parent(signal.SIGTERM),
            )
        self._socket = ours
        self._processes: dict[int, ForkedProcess] = {}
        self._connecting = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self.is_lost = False

    @property
    def pid(self) -> int:
        """The fork server's process id."""
        return self._popen.pid

    async def start(self, request: Start) -> ForkedProcess:
        """Have a process forked off; raises OSError if that fails."""
        async with self._connecting:
            if self._writer is None:
                reader, self._writer = await asyncio.open_connection(sock=self._socket)
                self._listening = asyncio.create_task(self._listen(reader))
        if self.is_lost:  # nobody would tell of what is asked for now
            raise OSError(_LOST)
        process = self._processes[request.number] = ForkedProcess(request.number, self)
        self._writer.write(framed(request))
        await process.started
        return process

    def signal(self, number: int, sent: int, pid: int) -> None:
        if self._writer is not None and not self.is_lost:
            self._writer.write(framed(Signal(number, sent)))
        elif pid:
            with suppress(ProcessLookupError):
                os.kill(pid, sent)

    async def disconnect(self) -> None:
        """Leave the event loop in which processes were started."""
        if self._listening is not None and self._writer is not None:
            self._listening.cancel()
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()

    def close(self) -> None:
        """End the fork server, which may still be importing; what it has forked ends with it."""
        self._socket.close()
        self._popen.kill()
        self._popen.wait()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                (length,) = HEAD.unpack(await reader.readexactly(HEAD.size))
                self._hear(_decode(await reader.readexactly(length)))
        except (asyncio.IncompleteReadError, OSError):
            self.is_lost = True
            for process in self._processes.values():
                if not process.started.done():
                    process.started.set_exception(OSError(_LOST))
                process.ended.set()

    def _hear(self, news: Started | Refused | Ended) -> None:
        process = self._processes[news.number]
        if isinstance(news, Started):
            process.pid = news.pid
            process.started.set_result(None)
        elif isinstance(news, Refused):
            del self._processes[news.number]
            process.started.set_exception(OSError(news.error))
        else:
            del self._processes[news.number]
            process.returncode = news.code
            process.ended.set()


class ForkServer:
    """Has processes forked off one that has imported `modules`, and makes another one if that has ended."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = modules
        self._numbers = itertools.count()
        self._connection = _Connection(modules)

    @property
    def pid(self) -> int:
        """The process off which the others are forked."""
        return self._connection.pid

    async def start(self, module: str, title: str, environment: Mapping[str, str]) -> ForkedProcess:
        """Run a module as `python -m` does, with that title and that whole environment; raises OSError."""
        if (lost := self._connection).is_lost:
            self._connection = _Connection(self._modules)
            await lost.disconnect()
            lost.close()
        encoded = {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}
        return await self._connection.start(Start(next(self._numbers), module, title, encoded))

    async def disconnect(self) -> None:
        """Start nothing any more; to be called before the event loop ends."""
        await self._connection.disconnect()

    def close(self) -> None:
        """End it, and what it has forked off."""
        self._connection.close()


@contextmanager
def fork_server(modules: Sequence[str]) -> Iterator[ForkServer]:
    """A fork server that imports those modules beside the block, and ends with it."""
    server = ForkServer(modules)
    try:
        yield server
    finally:
        server.close()


def _end_of_orphan(pid: int) -> int | None:
    """The exit code of a process whose parent has ended, None while it runs.

    In a container it becomes a child of this process if that is the first one: it is there until it is waited for.
    """
    try:
        waited, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:  # it is another's child, who waits for it
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return -signal.SIGTERM
        return None
    return os.waitstatus_to_exitcode(status) if waited else None
