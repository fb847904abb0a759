"""The event loop of a worker process: it runs in a thread of its own beside Dramatiq's threads."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

import uvloop

T = TypeVar("T")
R = TypeVar("R")

#: The loop is asked for small things; one that takes longer than this is stuck, and the caller gives up (seconds).
_LONGEST_CALL = 30.0


class EventLoopThread(Generic[R]):
    """Runs one lifetime (resources that open and close) on a uvloop, and calls from other threads into it."""

    def __init__(self, lifetime: Callable[[], AbstractAsyncContextManager[R]]) -> None:
        self._lifetime = lifetime
        self._opened: concurrent.futures.Future[R] = concurrent.futures.Future()
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._loop = self._runner.get_loop()
        self._leave = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="event-loop", daemon=True)

    def start(self) -> R:
        """Start the thread and return what the lifetime opened; raises what opening raised."""
        self._thread.start()
        return self._opened.result()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for its result; for worker threads, never for the loop itself."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_LONGEST_CALL)

    def stop(self, timeout: float) -> None:
        """Close the lifetime and wait for it; the thread is a daemon, so a stuck close can't keep the process."""
        self._loop.call_soon_threadsafe(self._leave.set)
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            with self._runner:  # on leaving it cancels what is left, so that no thread waits for an answer in vain
                self._runner.run(self._live())
        except BaseException as error:  # noqa: BLE001  whatever it is, the starting thread must hear of it
            if not self._opened.done():
                self._opened.set_exception(error)

    async def _live(self) -> None:
        async with self._lifetime() as resources:
            self._opened.set_result(resources)
            await self._leave.wait()
