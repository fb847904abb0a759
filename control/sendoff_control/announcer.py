"""Says again what is decided, for processes that missed it; one voice in the fleet is enough."""

import asyncio
import contextlib
import random
import time

from sendoff_control.hints import Publisher
from sendoff_control.protocol import StateAnnouncement
from sendoff_control.states import AppliedStates

INTERVAL = 5.0
_SPREAD = 0.1
#: An answer to a process that lags behind is delayed by up to this, so that mostly one process answers.
_HESITATION = 0.2
_RECENT = 0.5


class Announcer:
    """A service that announces the global state every five seconds, and at once when a process lags behind.

    It keeps quiet when another process has just announced the state.
    """

    name = "control announcer"

    def __init__(self, states: AppliedStates, publisher: Publisher) -> None:
        self._states = states
        self._publisher = publisher
        self._heard_at = 0.0
        self._lagging = asyncio.Event()

    def heard(self, announcement: StateAnnouncement) -> None:
        """A state was announced over a bus; it only counts if it is the one that this process would announce."""
        if announcement.state == self._states.settled():
            self._heard_at = time.monotonic()

    def lagging(self) -> None:
        """A process shows an older revision than this one has."""
        self._lagging.set()

    async def wait(self) -> None:
        """Wait for a laggard, or for the next announcement's time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(INTERVAL * random.uniform(1 - _SPREAD, 1 + _SPREAD)):  # noqa: S311 no secret
                await self._lagging.wait()

    async def run_once(self) -> None:
        """Announce the global state, unless it was heard lately."""
        if not self._lagging.is_set():
            self._announce_unless_heard_for(INTERVAL * (1 - _SPREAD))
            return
        await asyncio.sleep(random.uniform(0, _HESITATION))  # noqa: S311 spreads load, keeps no secret
        self._lagging.clear()
        self._announce_unless_heard_for(_RECENT)

    def _announce_unless_heard_for(self, seconds: float) -> None:
        state = self._states.settled()
        if state is not None and time.monotonic() - self._heard_at > seconds:
            self._heard_at = time.monotonic()
            self._publisher.announce(state)
