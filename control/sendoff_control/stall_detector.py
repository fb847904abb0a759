"""Notices that this process was paused (SIGSTOP, a frozen machine), so that what it then reads late can be fenced."""

import asyncio
import time

from sendoff_control.states import AppliedStates

_INTERVAL = 0.5
#: A longer gap between two looks at the clock was a pause.
_PAUSED = 1.5
#: How long after a pause what is read may be old.
_DISTRUST = 1.0


class StallDetector:
    """A service that looks at the clock every half second, and keeps the revisions from before a pause.

    Its times are `time.monotonic()`.
    """

    name = "control stall detector"

    def __init__(self, states: AppliedStates, now: float) -> None:
        self._states = states
        self._looked_at = now
        self._distrust_until = now
        self._revisions: dict[str, int] = {}

    def look(self, now: float) -> None:
        """To be called every half second, where a gap means that there was a pause, and when a state was applied."""
        if now - self._looked_at > _PAUSED:
            self._distrust_until = now + _DISTRUST
        elif now >= self._distrust_until:
            self._revisions = {state.scope: state.revision for state in self._states.all()}
        self._looked_at = now

    def expected_revision(self, scope: str, now: float) -> int | None:
        """The revision that must still hold for a command read now, or None while there was no pause lately."""
        if now - self._looked_at > _PAUSED or now < self._distrust_until:
            return self._revisions.get(scope, 0)
        return None

    async def wait(self) -> None:
        """Wait for the next look."""
        await asyncio.sleep(_INTERVAL)

    async def run_once(self) -> None:
        """Look at the clock."""
        self.look(time.monotonic())
