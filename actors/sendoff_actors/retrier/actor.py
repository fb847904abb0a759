"""The Retrier on Dramatiq: failed attempts in, which from then on wait in this process until they are recorded."""

from typing import Any

import dramatiq

from sendoff_actors.broker import BlockingRedisBroker
from sendoff_actors.event_loop_thread import EventLoopThread
from sendoff_actors.handoffs import ActorName, FailedAttempt, Queue
from sendoff_actors.retrier.unrecorded import UnrecordedFailures


def declare(
    broker: BlockingRedisBroker, event_loop: EventLoopThread[Any], unrecorded: UnrecordedFailures
) -> "dramatiq.Actor[..., None]":
    """Register the Retrier with the broker."""

    async def take(failures: list[FailedAttempt]) -> None:
        unrecorded.take(failures)

    @dramatiq.actor(broker=broker, queue_name=Queue.RETRIER, actor_name=ActorName.RETRY)
    def retry(failures: list[FailedAttempt]) -> None:
        """One batch of failed attempts; if it is lost, the leases run out and the messages are sent again."""
        event_loop.call(take(failures))

    return retry
