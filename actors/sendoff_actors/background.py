"""What goes on in a worker process by itself: ticks, renewals of leases, calls to clean up."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any

import redis
import structlog

from sendoff_actors.broker import BlockingRedisBroker
from sendoff_actors.claimer.ticker import Ticker
from sendoff_actors.handoffs import ActorName
from sendoff_actors.sender.sending import Sending
from sendoff_domain.errors import UnavailableError

log = structlog.get_logger("sendoff.background")

#: A lease is prolonged when less than this part of it is left.
_RENEWAL_SHARE = 0.6
_CLEAN_UP_EVERY = 300.0
_CLEAN_UP_FIRST = 10.0
_PAUSE_AFTER_A_FAULT = 1.0


def background_turns(
    sending: Sending,
    lease: timedelta,
    ticker: Ticker,
    broker: BlockingRedisBroker,
    others: Mapping[str, Callable[[], Awaitable[None]]],
) -> list[Coroutine[Any, Any, None]]:
    """The endless turns of one process: its own, and `others` by their names."""
    seconds = lease.total_seconds()
    return [
        _endless("renewal", lambda: _renew(sending, seconds)),
        _endless("ticker", ticker.run),
        _endless("ticks out of turn", ticker.run_out_of_turn),
        _endless("clean-up", lambda: _clean_up(broker)),
        *[_endless(name, run) for name, run in others.items()],
    ]


async def cancel(task: "asyncio.Task[None]") -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _endless(name: str, run: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await run()
        except Exception:
            log.exception("starts again after a fault", what=name)
            await asyncio.sleep(_PAUSE_AFTER_A_FAULT)


async def _renew(sending: Sending, lease: float) -> None:
    while True:
        await asyncio.sleep(lease * (1 - _RENEWAL_SHARE) / 2)
        with contextlib.suppress(UnavailableError):  # the next turn comes before the lease is over
            await sending.renew_leases(lease * _RENEWAL_SHARE)


async def _clean_up(broker: BlockingRedisBroker) -> None:
    await asyncio.sleep(_CLEAN_UP_FIRST)
    while True:
        with contextlib.suppress(redis.RedisError):  # the next turn comes in five minutes
            await asyncio.to_thread(broker.hand_on, ActorName.CLEAN_UP)
        await asyncio.sleep(_CLEAN_UP_EVERY)
