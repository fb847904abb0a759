"""Hand-offs from the event loop, which a Redis that hangs must not block."""

import asyncio

import redis

from sendoff_actors.broker import BlockingRedisBroker
from sendoff_actors.handoffs import ActorName
from sendoff_domain.errors import UnavailableError


class Enqueuer:
    """Puts hand-offs on the queues of the actors, each in a thread of its own."""

    def __init__(self, broker: BlockingRedisBroker) -> None:
        self._broker = broker

    async def enqueue(self, actor: ActorName, *arguments: object) -> None:
        """Put a hand-off on an actor's queue; raises UnavailableError when Redis does not take it."""
        try:
            await asyncio.to_thread(self._broker.hand_on, actor, *arguments)
        except redis.RedisError as error:
            raise UnavailableError(f"Redis did not take a hand-off to {actor}: {error}") from error
