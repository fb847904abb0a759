"""Waiting for what nothing announces: a condition is asked again and again until it holds, or the time is over.

Libraries for retries repeat a call that raises. What is waited for here is nearly always a condition.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(holds: Callable[[], bool], seconds: float, every: float = 0.01) -> bool:
    """Whether the condition held within so many seconds; it is asked at once, and then `every` so often."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


async def wait_out(obstacle: Callable[[], Awaitable[T]], seconds: float, every: float) -> T:
    """Ask what stands in the way until nothing does, for so many seconds; returns the last answer.

    An answer that counts as false (None, an empty list) says that the way is free.
    """
    deadline = time.monotonic() + seconds
    while (found := await obstacle()) and time.monotonic() <= deadline:  # noqa: ASYNC110  nothing sets an event
        await asyncio.sleep(every)
    return found
