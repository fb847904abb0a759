"""Sees to it that every lane is served, that a flood gets its own, and that the lane goes when the flood is over."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Mapping

import structlog
from nats.js.api import ConsumerInfo

from sendoff_control.bus import raise_if_cancelled
from sendoff_db.pool import Pool
from sendoff_domain.floods import find_floods
from sendoff_ingest.lanes import Lanes, nobody_else_changes_lanes, own_lane

#: How often lanes are looked at, and how far two looks are apart when floods are reported (seconds).
_INTERVAL, _LEAST_INTERVAL = 1.0, 0.1
#: A lane that had nothing for so long goes (seconds).
_CALM = 60.0
#: So many groups can have a lane of their own; floods beyond them stay in the shared one.
_MOST_APART = 8

log = structlog.get_logger("sendoff.ingest")


class LaneKeeper:
    """Looks at the lanes of one session until it is cancelled; `serve` takes in what a lane brings until it is gone."""

    def __init__(self, lanes: Lanes, pool: Pool, serve: Callable[[str], Awaitable[None]], most_waiting: int) -> None:
        self._lanes = lanes
        self._pool = pool
        self._serve = serve
        self._most_waiting = most_waiting
        #: Set by the shared lane when more waits there than one group may have.
        self.flooded = asyncio.Event()
        self._served: dict[int, asyncio.Future[None]] = {}
        self._calm_since: dict[int, float] = {}
        #: A change may have failed halfway, so that a group is in no lane.
        self._is_torn = False

    async def run(self) -> None:
        """Look at the lanes every second, and as soon as the shared one is flooded."""
        while True:
            try:
                await self.run_once()
            except Exception as error:  # the session itself says when NATS or PostgreSQL is away
                self._is_torn = True
                log.debug("the lanes could not be looked at", exc_info=error)
            raise_if_cancelled()
            await asyncio.sleep(_LEAST_INTERVAL)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_INTERVAL):
                    await self.flooded.wait()

    async def run_once(self) -> None:
        """Serve the lanes that there are, and change them if that is called for."""
        if self._is_torn:
            async with nobody_else_changes_lanes(self._pool):
                await self._lanes.ensure()
            self._is_torn = False
        if self.flooded.is_set():
            self.flooded.clear()
            await self._set_floods_apart()
        apart = await self._lanes.apart()
        self._serve_all(apart)
        if calm := self._calm(apart, time.monotonic()):
            async with nobody_else_changes_lanes(self._pool):
                for group in calm:
                    await self._lanes.join(group)

    async def close(self) -> None:
        """Wait until no lane is served any more; whoever ends the session makes them end."""
        await asyncio.gather(*self._served.values(), return_exceptions=True)

    async def _set_floods_apart(self) -> None:
        waiting = await self._lanes.waiting()
        if not find_floods(waiting, (), self._most_waiting, _MOST_APART):
            return
        async with nobody_else_changes_lanes(self._pool):
            for group in find_floods(waiting, await self._lanes.apart(), self._most_waiting, _MOST_APART):
                await self._lanes.split(group)

    def _serve_all(self, groups: Collection[int]) -> None:
        for group in groups:
            if group not in self._served or self._served[group].done():
                self._served[group] = asyncio.ensure_future(self._serve(own_lane(group)))

    def _calm(self, apart: Mapping[int, ConsumerInfo], now: float) -> list[int]:
        """The groups whose lanes have had nothing for long enough."""
        idle = [group for group, info in apart.items() if not info.num_pending and not info.num_ack_pending]
        self._calm_since = {group: self._calm_since.get(group, now) for group in idle}
        return [group for group, since in self._calm_since.items() if now - since >= _CALM]
