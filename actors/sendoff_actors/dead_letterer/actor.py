"""The DeadLetterer on Dramatiq: what can't be delivered in, and from time to time a call to clean up."""

from typing import Any

import dramatiq

from sendoff_actors.broker import BlockingRedisBroker
from sendoff_actors.dead_letterer.handler import Burying
from sendoff_actors.event_loop_thread import EventLoopThread
from sendoff_actors.handoffs import ActorName, Queue, Undeliverable
from sendoff_actors.micro_batches import MicroBatches


def declare(
    broker: BlockingRedisBroker,
    event_loop: EventLoopThread[Any],
    *,
    burying: Burying,
    burials: MicroBatches[Undeliverable],
) -> "list[dramatiq.Actor[..., None]]":
    """Register the DeadLetterer with the broker; `burials` are run by the process."""

    async def take(undeliverable: list[Undeliverable]) -> None:
        for one in undeliverable:
            burials.put(one)

    @dramatiq.actor(broker=broker, queue_name=Queue.DEAD_LETTERER, actor_name=ActorName.BURY)
    def bury(undeliverable: list[Undeliverable]) -> None:
        """One batch of messages that will not be tried again; if it is lost, their next claim leads here again."""
        event_loop.call(take(undeliverable))

    @dramatiq.actor(broker=broker, queue_name=Queue.DEAD_LETTERER, actor_name=ActorName.CLEAN_UP)
    def clean_up() -> None:
        """Make partitions and drop old ones; `CleanUpSchedule` asks for it every five minutes."""
        event_loop.call(burying.clean_up())

    return [bury, clean_up]
