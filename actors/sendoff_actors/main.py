"""The two ways to run a worker process: under our own supervisor, or under Dramatiq's command line.

`dramatiq sendoff_actors.main:prepare --processes 2 --threads 4` runs the same actors; `--processes` must then be what
`workers.processes` says.
"""

import gc
import multiprocessing
import os
import signal
import socket
import threading
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

import dramatiq

from sendoff_actors.handoffs import JsonEncoder
from sendoff_actors.process import new_broker, new_worker
from sendoff_config.identity import Identity
from sendoff_config.loading import load_settings
from sendoff_config.logs import configure_logging
from sendoff_config.process_index import Place, parse_place
from sendoff_config.settings import Settings
from sendoff_domain.errors import SettingsError

_OBJECTS_UNTIL_LOOKED = 10_000


def run() -> None:
    """Run one worker process until SIGTERM or SIGINT; `sendoff worker` starts as many as are configured."""
    dramatiq.set_encoder(JsonEncoder())
    settings = _settings()
    place = parse_place(os.environ.get("SENDOFF_PROCESS", "0/1"))
    identity = _identity(place, os.environ.get("SENDOFF_INSTANCE"))
    configure_logging(settings.logging, process=identity.name)
    broker = new_broker(settings, identity, place)
    worker = new_worker(broker)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    worker.start()
    _rest_from_garbage()
    stop.wait()
    worker.stop(timeout=30_000)
    broker.close()


def _rest_from_garbage() -> None:
    """Look for cycles less often: sending leaves none behind, and each claim made objects enough for a look."""
    gc.freeze()  # what a start leaves behind is never garbage
    gc.set_threshold(_OBJECTS_UNTIL_LOOKED, 20, 20)


def prepare() -> None:
    """Make the broker that Dramatiq's command line then runs; called once in each of its processes."""
    dramatiq.set_encoder(JsonEncoder())
    settings = _settings()
    place = _place_under_dramatiq(settings)
    instance = os.environ.get("SENDOFF_INSTANCE", f"{socket.gethostname()}-{os.getppid()}")
    dramatiq.set_broker(new_broker(settings, _identity(place, instance), place))


def _settings() -> Settings:
    path = os.environ.get("SENDOFF_CONFIG")
    settings = load_settings(Path(path) if path else None)
    if settings.postgres.url is None or settings.redis.broker_url is None:
        raise SettingsError("expected postgres.url and redis.brokerUrl: only `sendoff up` starts servers by itself")
    return settings


def _place_under_dramatiq(settings: Settings) -> Place:
    count = settings.workers.processes or os.cpu_count() or 1
    # Dramatiq does not tell a worker its number, but it starts them one after the other from one parent.
    started = multiprocessing.current_process()._identity
    index = (started[-1] if started else 1) - 1
    if index >= count:
        raise SettingsError(f"expected dramatiq --processes {count}, as workers.processes says")
    return Place(index, count)


def _identity(place: Place, instance: str | None) -> Identity:
    return Identity(
        instance=instance or f"{socket.gethostname()}-{uuid4().hex[:8]}",
        process=place.index,
        role="worker",
        host=socket.gethostname(),
        pid=os.getpid(),
        version=version("sendoff"),
        started_at=datetime.now(UTC),
    )
