"""Says again what is decided, for whoever missed it; one voice in the fleet is enough."""

import asyncio
import random
import time

from sendoff_control.protocol import StateAnnouncement
from sendoff_control.publisher import Publisher
from sendoff_control.states import AppliedStates
from sendoff_domain.control import GLOBAL_SCOPE

INTERVAL = 5.0
_SPREAD = 0.1
#: An answer to somebody who lags behind is delayed by up to this, so that mostly one process answers.
_HESITATION = 0.2
_RECENT = 0.5


class Announcer:
    """Announces the global state every five seconds unless another process just did, and at once to a laggard."""

    def __init__(self, states: AppliedStates, publisher: Publisher) -> None:
        self._states = states
        self._publisher = publisher
        self._heard_at = 0.0
        self._lagging = asyncio.Event()

    def heard(self, fact: StateAnnouncement) -> None:
        """A fact went over a bus, from whomever."""
        known = self._states.get()
        if fact.scope == GLOBAL_SCOPE and known is not None and fact.state.order >= known.order:
            self._heard_at = time.monotonic()

    def lagging(self) -> None:
        """A process shows an older revision than this one has."""
        self._lagging.set()

    async def run(self) -> None:
        """Announce until cancelled."""
        while True:
            try:
                async with asyncio.timeout(INTERVAL * random.uniform(1 - _SPREAD, 1 + _SPREAD)):  # noqa: S311 no secret
                    await self._lagging.wait()
            except TimeoutError:
                self._announce_unless_heard_for(INTERVAL * (1 - _SPREAD))
            else:
                await asyncio.sleep(random.uniform(0, _HESITATION))  # noqa: S311 no secret
                self._lagging.clear()
                self._announce_unless_heard_for(_RECENT)

    def _announce_unless_heard_for(self, seconds: float) -> None:
        state = self._states.get()
        if state is not None and time.monotonic() - self._heard_at > seconds:
            self._heard_at = time.monotonic()
            self._publisher.announce(state)
