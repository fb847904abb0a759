"""A worker process from its start to its end, in the two ways it can be run.

`run` is for our own supervisor. `dramatiq sendoff_actors.main:prepare --processes 2 --threads 4` runs the same actors
under Dramatiq's command line; `--processes` must then be what `workers.processes` says.
"""

import multiprocessing
import os
import socket
from collections.abc import Sequence
from typing import Any

import dramatiq
import redis
from dramatiq.middleware import Middleware

from sendoff_actors.broker import BlockingRedisBroker
from sendoff_actors.claimer import actor as claimer
from sendoff_actors.claimer.ticker import make_tick
from sendoff_actors.composition import Worker, open_worker
from sendoff_actors.dead_letterer import actor as dead_letterer
from sendoff_actors.event_loop_thread import EventLoopThread
from sendoff_actors.handoffs import ActorName
from sendoff_actors.retrier import actor as retrier
from sendoff_actors.sender import actor as sender
from sendoff_config.bootstrap import (
    instance_name,
    make_identity,
    read_process_index,
    read_settings,
    tune_gc,
    usable_cores,
)
from sendoff_config.ending_signals import awaited_signals
from sendoff_config.identity import Identity
from sendoff_config.logs import configure_logging
from sendoff_config.open_files import raise_open_files
from sendoff_config.process_index import ProcessIndex
from sendoff_config.settings import Settings
from sendoff_domain.errors import SettingsError

#: Dramatiq's threads for the four actors: each call is short, the event loop does the waiting.
_THREADS = 4
#: How long Dramatiq's threads may take to end (milliseconds).
_STOP_TIMEOUT = 30_000
#: How often one of Dramatiq's threads looks whether it should end (milliseconds).
_LOOK = 100
#: How long a consumer blocks at a time, since it is woken when there is something (seconds).
_IDLE = 1.0
#: Beyond `workers.shutdownTimeout`: what closing everything may take (seconds).
_CLOSE_GRACE = 15


def run() -> None:
    """Run one worker process until an ending signal; `sendoff worker` starts as many as are configured."""
    settings = read_settings(None, "postgres", "redis")
    process = read_process_index()
    identity = make_identity("worker", process.index, instance_name())
    configure_logging(settings.logging, process=identity.name)
    raise_open_files()
    broker = new_broker(settings, identity, process)
    worker = dramatiq.Worker(broker, worker_threads=_THREADS)
    with awaited_signals() as wait_for_signal:
        worker.start()
        tune_gc()
        wait_for_signal()
        worker.stop(timeout=_STOP_TIMEOUT)
        broker.close()


def prepare() -> None:
    """Make the broker that Dramatiq's command line then runs; called once in each of its processes."""
    settings = read_settings(None, "postgres", "redis")
    process = process_index_under_dramatiq(settings)
    raise_open_files()
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


def new_broker(settings: Settings, identity: Identity, process: ProcessIndex) -> BlockingRedisBroker:
    """A broker of this process's own (never one from before a fork), with the lifecycle as its middleware."""
    broker = BlockingRedisBroker(str(settings.redis.broker_url))
    broker.add_middleware(Lifecycle(settings, identity, process))
    return broker


class Lifecycle(Middleware):
    """Opens the event loop with all parts before Dramatiq's threads start, and closes it after they have ended."""

    def __init__(self, settings: Settings, identity: Identity, process: ProcessIndex) -> None:
        self._settings = settings
        self._identity = identity
        self._process = process
        self._event_loop: EventLoopThread[Worker] | None = None
        self._parts: Worker | None = None

    def before_worker_boot(self, broker: Any, worker: Any) -> None:
        """Start the event loop and declare the actors; what fails here ends the process before it takes any work."""
        worker.worker_timeout, broker.idle = _LOOK, _IDLE
        event_loop = EventLoopThread(
            lambda: open_worker(settings=self._settings, identity=self._identity, process=self._process, broker=broker)
        )
        self._event_loop = event_loop
        self._parts = event_loop.start()
        self._declare(broker, event_loop, self._parts)

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        """Give back what is not on the wire, let Dramatiq's threads come to their end, and close the event loop."""
        if self._event_loop is not None and self._parts is not None:
            self._event_loop.call(self._parts.sender.sending.leave())
            broker.leave()
            _pause(worker.workers)  # from here on no thread calls into the event loop
            self._event_loop.stop(self._settings.workers.shutdown_timeout.total_seconds() + _CLOSE_GRACE)

    def _declare(self, broker: BlockingRedisBroker, event_loop: EventLoopThread[Worker], parts: Worker) -> None:
        claimer.declare(broker, event_loop, claiming=parts.claiming, is_running=parts.member.is_running)
        sender.declare(
            broker, event_loop, sending=parts.sender.sending, ask_for_more=lambda: self._ask_for_more(broker)
        )
        retrier.declare(broker, event_loop, parts.unrecorded)
        dead_letterer.declare(broker, event_loop, burying=parts.burying, burials=parts.burials)

    def _ask_for_more(self, broker: BlockingRedisBroker) -> None:
        """A full claim is followed by the next one at once; a request that gets lost is made good by the next tick."""
        try:
            broker.hand_on(ActorName.CLAIM, make_tick(self._identity.instance, self._settings.scheduler))
        except redis.RedisError:
            return


def _pause(threads: Sequence[Any]) -> None:
    """Wait until Dramatiq's threads call no actor any more; its consumers take three seconds to pause, and need not."""
    for thread in threads:
        thread.pause()
    for thread in threads:
        thread.paused_event.wait()
