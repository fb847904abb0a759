"""When a server is ready: when a client with the password gets an answer."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from sendoff_cli.servers.errors import ServerError
from sendoff_cli.servers.process import Child

_SILENCE_SECONDS = 30.0
_RECOVERY_SECONDS = 600.0
_POLL_SECONDS = 0.01
_RECOVERY_POLL_SECONDS = 0.1


class Readiness(Enum):
    """What a server says to a new client."""

    READY = "ready"
    #: It reads its data after a crash; the more there is the longer it takes, and to start again would not be faster.
    RECOVERING = "recovering"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Server:
    """A started server: its name, its port and address, its process, and how to ask whether it is ready.

    `ask` raises ServerError when the server refuses the password.
    """

    name: str
    port: int
    url: str
    child: Child
    ask: Callable[[], Readiness]


def wait_until_ready(server: Server) -> None:
    """Wait for the first answer.

    Raises ServerError, with the end of the log, at once when the process ends or refuses the password, else after
    30 seconds, or 10 minutes if the server says that it recovers.
    """
    started, patience, pause = time.monotonic(), _SILENCE_SECONDS, _POLL_SECONDS
    while (answer := _asked(server)) is not Readiness.READY:
        if answer is Readiness.RECOVERING:
            patience, pause = _RECOVERY_SECONDS, _RECOVERY_POLL_SECONDS
        if time.monotonic() - started > patience:
            raise ServerError(f"{server.name} did not answer within {patience:.0f} s; {server.child.log.tail()}")
        time.sleep(pause)


def _asked(server: Server) -> Readiness:
    answer = server.ask()
    # Asked after the answer: a stranger may have taken the port and answer in the place of our server.
    if (death := server.child.dead()) is not None:
        raise ServerError(death)
    return answer
