"""One worker process as Dramatiq sees it: the event loop opens before its threads start and closes after they end."""

from typing import Any

import dramatiq
import redis
from dramatiq.middleware import Middleware

from sendoff_actors.broker import BlockingRedisBroker
from sendoff_actors.claimer import actor as claimer
from sendoff_actors.composition import Resources, open_resources
from sendoff_actors.dead_letterer import actor as dead_letterer
from sendoff_actors.event_loop_thread import EventLoopThread
from sendoff_actors.handoffs import ActorName, Tick
from sendoff_actors.retrier import actor as retrier
from sendoff_actors.sender import actor as sender
from sendoff_config.identity import Identity
from sendoff_config.process_index import ProcessIndex
from sendoff_config.settings import Settings

#: Beyond the webhook's own timeout: what closing everything may take (seconds).
_CLOSE_GRACE = 15


class Lifecycle(Middleware):
    """Opens the resources, declares the four actors on them, and closes them in the right order."""

    def __init__(self, settings: Settings, identity: Identity, process: ProcessIndex) -> None:
        self._settings = settings
        self._identity = identity
        self._process = process
        self._event_loop: EventLoopThread[Resources] | None = None
        self._resources: Resources | None = None

    def before_worker_boot(self, broker: Any, worker: Any) -> None:
        """Start the event loop; what fails here ends the process before it takes any work."""
        del worker
        event_loop = EventLoopThread(lambda: open_resources(self._settings, self._identity, self._process, broker))
        self._event_loop = event_loop
        self._resources = event_loop.start()
        self._declare(broker, event_loop, self._resources)

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        """Give back what is not on the wire, let Dramatiq's threads come to their end, and close the event loop."""
        del broker
        if self._event_loop is not None and self._resources is not None:
            self._event_loop.call(self._resources.sending.leave())
            worker.pause()  # from here on nobody calls into the event loop
            self._event_loop.stop(self._settings.webhook.timeout.total_seconds() + _CLOSE_GRACE)

    def _declare(
        self, broker: BlockingRedisBroker, event_loop: EventLoopThread[Resources], resources: Resources
    ) -> None:
        claimer.declare(broker, event_loop, resources.claiming, resources.member.is_running)
        retrier.declare(broker, event_loop, resources.retrying)
        dead_letterer.declare(broker, event_loop, resources.burying)
        sender.declare(broker, event_loop, resources.sending, lambda: self._ask_for_more(broker))

    def _ask_for_more(self, broker: BlockingRedisBroker) -> None:
        """A full claim is followed by the next one at once; a lost request is made good by the next tick."""
        scheduler = self._settings.scheduler
        tick = Tick(self._identity.instance, 0, 0.0, scheduler.batch_size, scheduler.drain)
        try:
            broker.hand_on(ActorName.CLAIM, tick)
        except redis.RedisError:
            return


def new_broker(settings: Settings, identity: Identity, process: ProcessIndex) -> BlockingRedisBroker:
    """A broker of this process's own (never one from before a fork), with the lifecycle as its middleware."""
    broker = BlockingRedisBroker(str(settings.redis.broker_url))
    broker.add_middleware(Lifecycle(settings, identity, process))
    return broker


def new_worker(broker: BlockingRedisBroker) -> dramatiq.Worker:
    """A Dramatiq worker with threads for the four actors; they are short, the event loop does the waiting."""
    return dramatiq.Worker(broker, worker_timeout=1000, worker_threads=4)
