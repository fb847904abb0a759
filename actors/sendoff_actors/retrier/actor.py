"""The Retrier on Dramatiq: failed attempts in, what has no attempt left out to the DeadLetterer."""

from typing import Any

import dramatiq
import msgspec

from sendoff_actors.broker import BlockingRedisBroker
from sendoff_actors.event_loop_thread import EventLoopThread
from sendoff_actors.handoffs import ActorName, FailedAttempt, Queue
from sendoff_actors.retrier.handler import Retrying


def declare(
    broker: BlockingRedisBroker, event_loop: EventLoopThread[Any], retrying: Retrying
) -> "dramatiq.Actor[..., None]":
    """Register the Retrier with the broker."""

    @dramatiq.actor(broker=broker, queue_name=Queue.RETRIER, actor_name=ActorName.RETRY)
    def retry(failures: Any) -> None:
        """One batch of failed attempts; if it is lost, the leases run out and the messages are sent again."""
        undeliverable = event_loop.call(retrying.handle(msgspec.convert(failures, list[FailedAttempt])))
        if undeliverable:
            broker.hand_on(ActorName.BURY, undeliverable)

    return retry
