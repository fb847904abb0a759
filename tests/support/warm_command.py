"""The `sendoff` command without the second that a new interpreter takes: forked off a process that has imported it.

For tests that run it often. What goes on until Ctrl-C is started as always.
"""

import atexit
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sendoff_cli.command_list import load_commands
from sendoff_cli.main import main
from support.command_line import clean_environment
from support.layout import ROOT
from support.waiting import wait_until

_CLIENT = """#!{python} -IS
import json, os, socket, sys

if sys.argv[1:2] and sys.argv[1] in ("up", "http", "worker", "ingest", "listen"):
    os.execv({real!r}, [{real!r}, *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    request = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(request).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(request)
    code = server.recv(1)
sys.exit(code[0] if code else "sendoff died")
"""


@contextmanager
def warm_command(program: Path) -> Iterator[None]:
    """Have `program` be the command while the block runs."""
    address = program.with_suffix(".socket")
    real = str(Path(sys.executable).with_name("sendoff"))
    program.write_text(_CLIENT.format(python=sys.executable, real=real, address=str(address)), encoding="utf-8")
    program.chmod(0o755)
    server = subprocess.Popen(
        [sys.executable, "-m", "support.warm_command", str(address)],
        env=clean_environment({"PYTHONPATH": str(ROOT / "tests")}),
        stdin=subprocess.PIPE,  # which closes with this process, however that ends
        start_new_session=True,
    )
    with server:
        wait_until(lambda: address.exists() or server.poll() is not None, "the command is warm", timeout=60)
        yield


def sendoff(
    *arguments: str | Path, folder: Path, stdin: str | None = None, **settings: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end as a process of its own; `settings` are variables without their prefix."""
    environment = {f"SENDOFF_{name}": value for name, value in settings.items()}
    return subprocess.run(
        [_program(), *arguments],
        cwd=folder,
        env=clean_environment(environment),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@functools.cache
def _program() -> Path:
    """The command of this process, made when it is first needed."""
    stack = ExitStack()
    atexit.register(stack.close)
    program = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "sendoff"
    stack.enter_context(warm_command(program))
    return program


def serve(address: str) -> None:
    """Run each command that is asked for in a process of its own, until standard input ends."""
    load_commands()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            client, _ = listener.accept()
            with client:
                if os.fork() == 0:
                    os._exit(_answer(client))


def _answer(client: socket.socket) -> int:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    length, files, _, _ = socket.recv_fds(client, 4, 3)
    with client.makefile("rb") as stream:
        sys.argv, folder, environment = json.loads(stream.read(int.from_bytes(length, "big")))
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, buffering=1, closefd=False)  # noqa: SIM115  they last as long as the process
        for number, mode in enumerate(("r", "w", "w"))
    )
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    code = _run()
    client.sendall(bytes([code]))
    return code


def _run() -> int:
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
