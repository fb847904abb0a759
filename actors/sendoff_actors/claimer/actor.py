"""The Claimer on Dramatiq: a tick in, batches for the Sender out."""

import threading
import time
from collections.abc import Callable
from typing import Any

import dramatiq
import redis
import structlog

from sendoff_actors.broker import BlockingRedisBroker
from sendoff_actors.claimer.handler import Claiming
from sendoff_actors.event_loop_thread import EventLoopThread
from sendoff_actors.handoffs import ActorName, Batch, Queue, Tick

#: Batches that may wait for a Sender; beyond it the backlog stays in PostgreSQL, where it costs no lease.
_WAITING_BATCHES = 4
#: Claims that follow one another while there is more, so that Senders need not wait for each; a shutdown waits for all.
_CLAIMS_OF_A_TICK = 4

log = structlog.get_logger("sendoff.claimer")


def declare(
    broker: BlockingRedisBroker,
    event_loop: EventLoopThread[Any],
    *,
    claiming: Claiming,
    is_running: Callable[[], bool],
) -> "dramatiq.Actor[..., None]":
    """Register the Claimer with the broker."""
    busy = threading.Lock()

    @dramatiq.actor(broker=broker, queue_name=Queue.CLAIMER, actor_name=ActorName.CLAIM)
    def claim(tick: Tick) -> None:
        """One tick; while one claim of this process runs, draining ticks are dropped: that claim is theirs too."""
        if not is_running() or not busy.acquire(blocking=not tick.drain):
            return
        try:
            for _ in range(_CLAIMS_OF_A_TICK):
                if broker.waiting(Queue.SENDER) >= _WAITING_BATCHES:
                    claiming.claimed_at = time.monotonic()
                    break
                batches = event_loop.call(claiming.claim(tick))
                unsent = _hand_on(broker, batches)
                if unsent is not None:
                    for batch in unsent:
                        event_loop.call(claiming.release(batch))
                    break
                if not any(batch.more for batch in batches):
                    break
        finally:
            busy.release()

    return claim


def _hand_on(broker: BlockingRedisBroker, batches: list[Batch]) -> list[Batch] | None:
    """Hand batches to the Sender; returns None, or when Redis fails those that it has certainly not taken.

    A batch whose answer does not come may be taken, now or when Redis goes on: its messages are left to their leases,
    since one that was given back could be cancelled or moved, and sent all the same.
    """
    for position, batch in enumerate(batches):
        try:
            broker.hand_on(ActorName.SEND, batch)
        except redis.ResponseError as error:
            log.warning("claimed messages go back, Redis refuses them", error=str(error))
            return batches[position:]
        except redis.RedisError as error:
            log.warning("claimed messages wait for their leases, Redis does not answer", error=str(error))
            return batches[position + 1 :]
    return None
