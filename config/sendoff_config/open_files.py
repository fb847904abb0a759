"""How many files a process may have open, and how many of them are for connections to others."""

import contextlib
import resource

#: Descriptors that are left for what is no client and no webhook: servers, look-ups of names, files.
RESERVED_FILES = 64
#: How many connections to webhooks may be idle.
_MOST_IDLE = 512


def raise_open_files() -> None:
    """Raise the soft limit of open files to the hard one, where the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # macOS refuses more than it can have
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connection_files() -> int:
    """How many of the files that this process may open are for connections, if any is left beside what we need."""
    return connections_within(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def requests_within(files: int) -> int:
    """How many requests may be on the wire when so many files are for connections: some are for idle ones."""
    return max(1, files - idle_within(files))


def idle_within(files: int) -> int:
    """How many connections may be kept for the next request when so many files are for connections."""
    return min(_MOST_IDLE, files // 2)


def connections_within(limit: int) -> int:
    """How many connections a limit of open files leaves room for."""
    return 2**31 if limit == resource.RLIM_INFINITY else max(0, limit - RESERVED_FILES)
