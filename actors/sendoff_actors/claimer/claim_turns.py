"""Whose turn it is to claim in a process: one claim at a time, and one more for what was told of meanwhile."""

import threading


class ClaimTurns:
    """Taken by one of Dramatiq's threads at a time; all methods may be called from any thread."""

    def __init__(self) -> None:
        self._busy, self._wanted = threading.Lock(), threading.Event()

    @property
    def is_wanted(self) -> bool:
        """Whether a claim was asked for since the last one began."""
        return self._wanted.is_set()

    def ask(self) -> bool:
        """Ask for a claim; returns whether one is under way, which then is followed by another."""
        self._wanted.set()
        return self._busy.locked()

    def take(self, *, wait: bool) -> bool:
        """Take the turn; without `wait` this fails while another thread has it."""
        return self._busy.acquire(blocking=wait)

    def begin(self) -> None:
        """Note that a claim begins: what is asked for from now on may come too late for it."""
        self._wanted.clear()

    def give_back(self) -> None:
        """Give the turn back; who had it must look whether a claim `is_wanted` afterwards."""
        self._busy.release()
