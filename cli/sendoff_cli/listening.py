"""The port of the API: kept free for its processes, which share it."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from sendoff_domain.errors import SendoffError


@contextmanager
def reserved_port(host: str, port: int) -> Iterator[int]:
    """Hold the port, or any free one for port 0, for processes that bind it with `reuse_port`; nothing listens here.

    Raises SendoffError when another program listens there already: with `reuse_port` two installations would silently
    share the port, and each would get half of the other's requests.
    """
    if port and is_taken(host, port):
        raise SendoffError(f"port {port} of {host} is in use: stop what listens there, or set another http.port")
    with _bound(host, port, shared=True) as holder:
        yield holder.getsockname()[1]


def is_taken(host: str, port: int) -> bool:
    """Whether another program listens on the port; raises SendoffError for a port that we may not have anyway."""
    try:
        _bound(host, port, shared=False).close()
    except _TakenError:
        return True
    return False


def reachable_host(host: str) -> str:
    """The name by which this machine reaches a server that listens on `host`, as it is written in a URL."""
    if host in ("0.0.0.0", ""):  # noqa: S104 compared, not bound
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host


class _TakenError(SendoffError):
    """Another program listens there."""


def _bound(host: str, port: int, *, shared: bool) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise SendoffError(f"http.host: cannot listen on {host!r}: {error.strerror}") from None
    family, kind, protocol, _, address = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        kind_of_error = _TakenError if error.errno == errno.EADDRINUSE else SendoffError
        raise kind_of_error(f"http.port: cannot listen on port {port} of {host}: {error.strerror}") from None
    return bound
