"""Notices that this process was paused (SIGSTOP, a frozen machine), so that what it then reads late can be fenced."""

import asyncio
import time

from sendoff_control.states import AppliedStates

BEAT = 0.5
_PAUSED = 1.5
_DISTRUST = 1.0


class StallDetector:
    """Beats every half second and remembers the revisions of the last beat before a pause."""

    def __init__(self, states: AppliedStates, now: float) -> None:
        self._states = states
        self._beat_at = now
        self._distrust_until = now
        self._revisions: dict[str, int] = {}

    def beat(self, now: float) -> None:
        """To be called every half second; a gap means that there was a pause."""
        if now - self._beat_at > _PAUSED:
            self._distrust_until = now + _DISTRUST
        elif now >= self._distrust_until:
            self._revisions = {state.scope: state.revision for state in self._states.all()}
        self._beat_at = now

    def expected_revision(self, scope: str, now: float) -> int | None:
        """The revision that must still hold for a command read now, or None while there was no pause lately."""
        if now - self._beat_at > _PAUSED or now < self._distrust_until:
            return self._revisions.get(scope, 0)
        return None

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self.beat(time.monotonic())
            await asyncio.sleep(BEAT)
