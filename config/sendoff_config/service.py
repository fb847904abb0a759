"""What a process does in the background: services, each of which repeats one small piece of work until it is stopped.

Every service has the same two methods, so that a test can call `run_once` without the loop (oban-py's `Looper` and
River's `runOnce` are built alike).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import structlog

log = structlog.get_logger("sendoff.service")

#: A service that raised is started again after this pause (seconds).
_RESTART_PAUSE = 1.0
#: How long a cancelled service may take to end, and how often it is cancelled: a library may swallow a cancellation.
_STOP_TIMEOUT = 0.5
_CANCELLATIONS = 2


class Service(Protocol):
    """Work that is repeated: `wait` returns when there is something to do, `run_once` does it."""

    @property
    def name(self) -> str:
        """What logs call it."""
        ...

    async def wait(self) -> None:
        """Wait for the next turn: an interval, or an event."""
        ...

    async def run_once(self) -> None:
        """Do one turn; what it raises is logged, and the next turn follows after a pause."""
        ...


def is_asked_to_end() -> bool:
    """Whether the running task was cancelled: a CancelledError may also come from a library that cancels its own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class ServiceLoop:
    """Runs one service in a task of its own, from `start` to `stop`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; belongs to the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self._service.name)

    async def stop(self) -> None:
        """Cancel the service and wait for its end, about a second at most."""
        if self._task is None:
            return
        for _ in range(_CANCELLATIONS):
            self._task.cancel()
            done, _ = await asyncio.wait({self._task}, timeout=_STOP_TIMEOUT)
            if done:
                return
        log.warning("a service does not end", service=self._service.name)

    async def _run(self) -> None:
        while True:
            try:
                await self._service.wait()
                await self._service.run_once()
            except (Exception, asyncio.CancelledError) as error:  # one service's mistake must not silence the others
                if isinstance(error, asyncio.CancelledError) and is_asked_to_end():
                    raise
                log.exception("a service failed and goes on after a pause", service=self._service.name)
                await asyncio.sleep(_RESTART_PAUSE)


@asynccontextmanager
async def run_services(*services: Service) -> AsyncIterator[None]:
    """Run services as long as the block lasts; they are stopped together, before it is left."""
    loops = [ServiceLoop(service) for service in services]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        await asyncio.gather(*(loop.stop() for loop in loops))
