"""What every process of Sendoff does before it works: it reads its settings, learns who it is, and tunes the gc."""

import gc
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from sendoff_config.identity import Identity, Role
from sendoff_config.loading import load_settings
from sendoff_config.process_index import ProcessIndex, parse_process_index
from sendoff_config.settings import HttpSettings, Settings
from sendoff_config.tracing.tracer import is_installed
from sendoff_domain.errors import SettingsError

#: The code a process ends with when its configuration is wrong; a supervisor must not start it again.
CONFIGURATION_ERROR = 2
#: Objects that are made before the garbage collector looks at the youngest; Python's own choice is 700.
_GC_THRESHOLD = 10_000


@contextmanager
def exit_when_misconfigured() -> Iterator[None]:
    """End the process with code 2 and one line per mistake, without a traceback, if the block raises SettingsError."""
    try:
        yield
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(CONFIGURATION_ERROR)


def read_settings(path: Path | None, *servers: Literal["postgres", "redis", "nats"]) -> Settings:
    """The settings of that file, or of the one that `SENDOFF_CONFIG` names, overridden by the environment.

    Raises SettingsError for mistakes in them, when one of `servers` has no address, and when an extra is missing.
    """
    named = os.environ.get("SENDOFF_CONFIG")
    settings = load_settings(path or (Path(named) if named else None))
    require_addresses(settings, *servers)
    if settings.tracing.enabled and not is_installed():
        raise SettingsError("tracing.enabled: expected the package of OpenTelemetry: pip install 'sendoff[traces]'")
    return settings


def require_addresses(settings: Settings, *servers: Literal["postgres", "redis", "nats"]) -> None:
    """Raise SettingsError unless those servers have an address."""
    missing = []
    if "postgres" in servers and settings.postgres.url is None:
        missing.append("postgres.url")
    if "redis" in servers and settings.redis.broker_url is None:
        missing.append("redis.brokerUrl and redis.cacheUrl")
    if "nats" in servers and settings.nats.url is None:
        missing.append("nats.url")
    if missing:
        expected = ", ".join(missing)
        raise SettingsError(f"expected {expected} to be set: only `sendoff up` starts servers by itself")


def require_closed_api(http: HttpSettings) -> None:
    """Raise SettingsError if others could do everything over the API without a key, and nothing says that they may."""
    if not (http.needs_key or http.on_loopback or http.open == "anywhere"):
        raise SettingsError(
            f"http.apiKeys: expected a key, because others than this machine reach the API at {http.host or 'any'!r};"
            " or set http.open: never to need one of `sendoff keys`, anywhere to let everybody in"
        )


def read_process_index() -> ProcessIndex:
    """Which process of its instance this is: `SENDOFF_PROCESS`, or the only one.

    Raises SettingsError for a text such as `2/2` that names no process.
    """
    try:
        return parse_process_index(os.environ.get("SENDOFF_PROCESS", "0/1"))
    except ValueError as error:
        raise SettingsError(f"SENDOFF_PROCESS: {error}") from None


def instance_name() -> str:
    """`SENDOFF_INSTANCE`, or a name that no other instance has."""
    return os.environ.get("SENDOFF_INSTANCE") or f"{socket.gethostname()}-{secrets.token_hex(4)}"


def make_identity(role: Role, index: int, instance: str) -> Identity:
    """This process as the fleet knows it, started now."""
    return Identity(
        instance=instance,
        process=index,
        role=role,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=version("sendoff"),
        started_at=datetime.now(UTC),
    )


def usable_cores() -> int:
    """How many cores this process may use; in a container with a CPU set those are not all of the machine."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def tune_gc() -> None:
    """Look for reference cycles less often; to be called once everything that stays is made.

    Neither accepting nor sending leaves cycles behind, and looking for them took 5 % of accepting a message.
    """
    gc.collect()
    gc.freeze()  # what was made at the start is not looked at again
    gc.set_threshold(_GC_THRESHOLD, 20, 20)
