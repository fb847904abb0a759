"""Which errors blame this machine, and how many requests it can have at once."""

import errno
import resource
import socket
import ssl
from collections.abc import Callable

import pytest

from sendoff_actors.sender.composition import make_slots
from sendoff_config.open_files import connections_within, idle_within, requests_within
from sendoff_domain.errors import ShortageError
from sendoff_webhooks.client.shortage import is_shortage

OURS: list[BaseException] = [
    *(OSError(number, "short") for number in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)),
    OSError(errno.EADDRNOTAVAIL, "no port"),
    socket.gaierror(socket.EAI_SYSTEM, "System error"),
    socket.gaierror(socket.EAI_MEMORY, "Memory allocation failure"),
    MemoryError(),
    RuntimeError("can't start new thread"),
    ShortageError("said before"),
]
THEIRS: list[BaseException] = [
    ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
    ConnectionResetError(errno.ECONNRESET, "reset"),
    OSError(errno.ENETUNREACH, "no route"),
    TimeoutError(),
    socket.gaierror(socket.EAI_NONAME, "unknown"),
    socket.gaierror(socket.EAI_AGAIN, "try again"),
    ssl.SSLError(1, "wrong version"),
    UnicodeError("label"),
    RuntimeError("something else"),
]


def raised_from(cause: BaseException) -> BaseException:
    error = OSError("Multiple exceptions")
    error.__cause__ = cause
    return error


def raised_while(handled: BaseException) -> BaseException:
    error = ValueError("meanwhile")
    error.__context__ = handled
    return error


def grouped(error: BaseException) -> BaseException:
    return BaseExceptionGroup("several", [ValueError("one"), error])


@pytest.mark.parametrize(
    "wrap", [lambda error: error, raised_from, raised_while, grouped, lambda e: grouped(raised_from(e))]
)
def test_a_shortage_is_known_however_it_is_wrapped(wrap: Callable[[BaseException], BaseException]) -> None:
    assert [error for error in OURS if not is_shortage(wrap(error))] == []
    assert [error for error in THEIRS if is_shortage(wrap(error))] == []


def test_errors_that_name_each_other_come_to_an_end() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert not is_shortage(one)


@pytest.mark.parametrize("limit", [20, 64, 65, 128, 256, 1024, 20_000, 1_048_576])
def test_requests_and_idle_connections_fit_the_limit_together(limit: int) -> None:
    files = connections_within(limit)
    assert files == max(0, limit - 64)
    assert requests_within(files) + idle_within(files) == max(1, files)


def test_a_process_has_fewer_slots_than_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    assert [make_slots(wanted).limit for wanted in (0, 10, 96, 97, 100_000)] == [0, 10, 96, 96, 96]
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert make_slots(100_000).limit == 100_000
