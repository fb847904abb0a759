"""The Claimer on Dramatiq: a tick in, batches for the Sender out."""

import contextlib
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
    claims, turns = _Claims(broker, event_loop, claiming), claiming.turns

    @dramatiq.actor(broker=broker, queue_name=Queue.CLAIMER, actor_name=ActorName.CLAIM)
    def claim(tick: Tick) -> None:
        """One tick, and while there is more a few claims at once; the Sender's queue is full before they are many."""
        if tick.drain:
            turns.ask()
        if not is_running() or not turns.take(wait=not tick.drain):
            return
        try:
            is_caught_up = claims.run(tick)
        finally:
            turns.give_back()
        if is_caught_up and turns.is_wanted:
            claims.ask_again(tick)

    return claim


class _Claims:
    """The claims of one process, of which one runs at a time.

    A draining tick that comes meanwhile is made up for by the thread that claims: what the tick tells of may have come
    too late for the claim that was under way.
    """

    def __init__(self, broker: BlockingRedisBroker, event_loop: EventLoopThread[Any], claiming: Claiming) -> None:
        self._broker = broker
        self._event_loop = event_loop
        self._claiming = claiming

    def run(self, tick: Tick) -> bool:
        """Claim and hand on; returns whether nothing was left at the last claim.

        If something was, a Sender asks for it or the next tick brings it.
        """
        for _ in range(_CLAIMS_OF_A_TICK):
            self._claiming.turns.begin()
            if self._broker.waiting(Queue.SENDER) >= _WAITING_BATCHES:
                self._claiming.claimed_at = time.monotonic()
                return False
            batches = self._event_loop.call(self._claiming.claim(tick))
            if not self._hand_on(batches):
                return False
            is_caught_up = not any(batch.more for batch in batches)
            if is_caught_up and not self._claiming.turns.is_wanted:
                break
        return is_caught_up

    def ask_again(self, tick: Tick) -> None:
        """Put the tick on the queue again, behind what else waits there."""
        with contextlib.suppress(redis.RedisError):  # the next tick makes it good
            self._broker.hand_on(ActorName.CLAIM, tick)

    def _hand_on(self, batches: list[Batch]) -> bool:
        """Hand batches to the Sender; returns whether Redis has taken them, otherwise they are given back."""
        unsent = _hand_on(self._broker, batches)
        for batch in unsent or ():
            self._event_loop.call(self._claiming.release(batch))
        return unsent is None


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
