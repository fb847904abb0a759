"""The two ways to run a worker process: under our own supervisor, or under Dramatiq's command line.

`dramatiq sendoff_actors.main:prepare --processes 2 --threads 4` runs the same actors; `--processes` must then be what
`workers.processes` says.
"""

import multiprocessing
import os
import signal
import socket
import threading

import dramatiq

from sendoff_actors.handoffs import JsonEncoder
from sendoff_actors.process import new_broker, new_worker
from sendoff_config.bootstrap import (
    instance_name,
    make_identity,
    read_process_index,
    read_settings,
    tune_gc,
    usable_cores,
)
from sendoff_config.logs import configure_logging
from sendoff_config.process_index import ProcessIndex
from sendoff_config.settings import Settings
from sendoff_domain.errors import SettingsError


def run() -> None:
    """Run one worker process until SIGTERM or SIGINT; `sendoff worker` starts as many as are configured."""
    dramatiq.set_encoder(JsonEncoder())
    settings = read_settings(None, "postgres", "redis")
    process = read_process_index()
    identity = make_identity("worker", process.index, instance_name())
    configure_logging(settings.logging, process=identity.name)
    broker = new_broker(settings, identity, process)
    worker = new_worker(broker)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    worker.start()
    tune_gc()
    stop.wait()
    worker.stop(timeout=30_000)
    broker.close()


def prepare() -> None:
    """Make the broker that Dramatiq's command line then runs; called once in each of its processes."""
    dramatiq.set_encoder(JsonEncoder())
    settings = read_settings(None, "postgres", "redis")
    process = process_index_under_dramatiq(settings)
    instance = os.environ.get("SENDOFF_INSTANCE") or f"{socket.gethostname()}-{os.getppid()}"
    dramatiq.set_broker(new_broker(settings, make_identity("worker", process.index, instance), process))


def process_index_under_dramatiq(settings: Settings) -> ProcessIndex:
    """Which of Dramatiq's processes this is; raises SettingsError when there are more than `workers.processes` says."""
    count = settings.workers.processes or usable_cores()
    # Dramatiq does not tell a worker its number, but it starts them one after the other from one parent.
    started = multiprocessing.current_process()._identity
    index = (started[-1] if started else 1) - 1
    if index >= count:
        raise SettingsError(f"expected dramatiq --processes {count}, as workers.processes says")
    return ProcessIndex(index, count)
