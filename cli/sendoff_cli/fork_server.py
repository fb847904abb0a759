"""`python -m sendoff_cli.fork_server <descriptor> <module>...` imports the modules and forks off what it is asked for.

A process that is forked off starts in milliseconds instead of a second, and shares the memory of what was imported. The
other end of the socket is a `sendoff_cli.forked_process.ForkServer`; when that closes it this process ends, and Linux
ends those that were forked off. One thread, no event loop and no connection: nothing that a fork could break.
"""

import gc
import os
import runpy
import select
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from importlib import import_module

import msgspec
import setproctitle

from sendoff_cli.servers.process import bound_to_parent

#: In front of each document: its length in bytes.
HEAD = struct.Struct("!I")


class Start(msgspec.Struct, tag=True, frozen=True):
    """Fork off a process: `number` is what it is called from now on, the environment is its whole one."""

    number: int
    module: str
    title: str
    environment: dict[bytes, bytes]


class Signal(msgspec.Struct, tag=True, frozen=True):
    """Send a signal to a process, unless it has ended."""

    number: int
    signal: int


class Started(msgspec.Struct, tag=True, frozen=True):
    """A process runs."""

    number: int
    pid: int


class Refused(msgspec.Struct, tag=True, frozen=True):
    """A process could not be started."""

    number: int
    error: str


class Ended(msgspec.Struct, tag=True, frozen=True):
    """A process has ended, with this exit code; a negative one is the signal that ended it."""

    number: int
    code: int


_requests = msgspec.msgpack.Decoder(Start | Signal)
_encode = msgspec.msgpack.Encoder().encode


def framed(document: msgspec.Struct) -> bytes:
    """A document as it goes over the socket."""
    body = _encode(document)
    return HEAD.pack(len(body)) + body


class _Forks:
    """The processes that were forked off, and the socket over which they are asked for."""

    def __init__(self, asked: socket.socket) -> None:
        self._asked = asked
        #: What the processes that run are called, by their ids.
        self._numbers: dict[int, int] = {}
        self._bind = bound_to_parent(signal.SIGTERM)
        self._ended, self._wake = os.pipe()
        os.set_blocking(self._wake, False)

    def serve(self) -> Start | None:
        """Do what is asked for until nobody can ask any more; in a process that was forked off, return what it is."""
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            ready, _, _ = select.select([self._asked.fileno(), self._ended], [], [])
            if self._ended in ready:
                os.read(self._ended, 4096)
                self._reap()
            if self._asked.fileno() in ready:
                request = self._receive()
                if request is None:
                    return None
                if isinstance(request, Signal):
                    self._signal(request)
                elif self._fork(request):
                    return request

    def _receive(self) -> Start | Signal | None:
        head = self._asked.recv(HEAD.size, socket.MSG_WAITALL)
        if len(head) < HEAD.size:
            return None
        request: Start | Signal = _requests.decode(self._asked.recv(HEAD.unpack(head)[0], socket.MSG_WAITALL))
        return request

    def _fork(self, request: Start) -> bool:
        """Fork off a process; True within that process."""
        try:
            pid = os.fork()
        except OSError as error:
            self._asked.sendall(framed(Refused(request.number, str(error))))
            return False
        if pid == 0:
            self._leave()
            return True
        self._numbers[pid] = request.number
        self._asked.sendall(framed(Started(request.number, pid)))
        return False

    def _leave(self) -> None:
        """Keep nothing of the fork server in a process that was forked off."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._asked.close()
        os.close(self._ended)
        os.close(self._wake)
        os.setsid()  # Ctrl-C is for the supervisor, which stops the others in order
        if self._bind is not None:
            self._bind()

    def _reap(self) -> None:
        while self._numbers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._asked.sendall(framed(Ended(self._numbers.pop(pid), os.waitstatus_to_exitcode(status))))

    def _signal(self, request: Signal) -> None:
        for pid, number in self._numbers.items():
            if number == request.number:
                os.kill(pid, request.signal)


def _become(title: str, environment: Mapping[bytes, bytes]) -> None:
    setproctitle.setproctitle(title)
    os.environb.clear()
    os.environb.update(environment)
    sys.argv = sys.argv[:1]


def main() -> Start | None:
    """Serve until the other end of the socket is closed; returns None then, and in a forked process what it is."""
    setproctitle.setproctitle("sendoff fork server")
    gc.disable()  # looking for garbage again and again would take a tenth of the time
    for module in sys.argv[2:]:
        import_module(module)
    gc.collect()
    gc.freeze()  # or looking for garbage would copy the memory that is shared
    gc.enable()
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        return _Forks(asked).serve()


if __name__ == "__main__":
    chosen = main()
    if chosen is not None:
        _become(chosen.title, chosen.environment)
        runpy.run_module(chosen.module, run_name="__main__", alter_sys=True)
