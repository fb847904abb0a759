"""The keeper of the lanes comes to its end when its session does."""

import asyncio
from typing import Any, cast

from nats.js.api import ConsumerInfo

from sendoff_ingest.lane_keeper import LaneKeeper
from sendoff_ingest.lanes import Lanes


class DeafLanes:
    """Lanes whose look-up loses a cancellation that meets its answer, as nats-py's requests may."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def apart(self) -> dict[int, ConsumerInfo]:
        """No lane, also for somebody who is cancelled."""
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return {}
        raise AssertionError("nobody sets the event")


async def serve(_: str) -> None:
    """There is no lane to be served."""


async def test_a_cancellation_that_is_lost_in_a_request_ends_the_keeper() -> None:
    lanes = DeafLanes()
    keeping = asyncio.create_task(LaneKeeper(cast("Lanes", lanes), cast("Any", None), serve, 10).run())
    await lanes.asked.wait()
    keeping.cancel()
    done, _ = await asyncio.wait({keeping}, timeout=5)
    keeping.cancel()
    assert done
    assert keeping.cancelled()
