"""The Sender on Dramatiq: takes a batch over and lets the thread go at once."""

from collections.abc import Callable
from typing import Any

import dramatiq
import structlog

from sendoff_actors.broker import BlockingRedisBroker
from sendoff_actors.event_loop_thread import EventLoopThread
from sendoff_actors.handoffs import ActorName, Batch, Queue
from sendoff_actors.sender.handler import Sending
from sendoff_domain.errors import UnavailableError

log = structlog.get_logger("sendoff.sender")


def declare(
    broker: BlockingRedisBroker,
    event_loop: EventLoopThread[Any],
    *,
    sending: Sending,
    ask_for_more: Callable[[], None],
) -> "dramatiq.Actor[..., None]":
    """Register the Sender with the broker; `ask_for_more` is called after each batch that says there is more."""

    @dramatiq.actor(broker=broker, queue_name=Queue.SENDER, actor_name=ActorName.SEND)
    def send(batch: Batch) -> None:
        """Hand one claimed batch to the event loop; from there on the lease, not this call, keeps it safe."""
        try:
            event_loop.call(sending.accept(batch))
        except UnavailableError as error:
            log.warning("a batch is left to its lease", messages=len(batch.messages), error=str(error))
            return
        if batch.more:
            ask_for_more()

    return send
