"""Waiting on conditions, each with a description that a failure can show."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")
#: How long a condition may take on a machine that is busy with something else (seconds).
PATIENCE = 60.0


def wait_until(
    condition: Callable[[], T | None], description: str, timeout: float = PATIENCE, every: float = 0.02
) -> T:
    """Poll until the condition is truthy and return its value; AssertionError with the description after `timeout`."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {description} (last seen: {value!r})")
        time.sleep(every)


@overload
async def eventually(
    condition: Callable[[], Awaitable[T | None]], description: str, timeout: float = ..., every: float = ...
) -> T: ...
@overload
async def eventually(
    condition: Callable[[], T | None], description: str, timeout: float = ..., every: float = ...
) -> T: ...
async def eventually(
    condition: Callable[[], Any], description: str, timeout: float = PATIENCE, every: float = 0.02
) -> Any:
    """The same for asyncio; the condition may be a coroutine function."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {description} (last seen: {value!r})")
        await asyncio.sleep(every)
