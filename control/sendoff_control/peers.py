"""What the processes say of themselves over the buses, in memory only and never more than a hint."""

import time
from collections.abc import Iterable

from sendoff_control.protocol import Heartbeat

#: A process without a sign of life for this long counts as gone.
LIVING_SECONDS = 15.0
#: Heartbeats of processes that PostgreSQL does not know (yet) are kept up to this number.
_MOST_UNKNOWN = 100


class Peers:
    """The newest heartbeat of each process that PostgreSQL knows; others may send what they like."""

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()
        self._heartbeats: dict[str, tuple[float, Heartbeat]] = {}

    def know(self, names: Iterable[str]) -> None:
        """Take the processes for the fleet that PostgreSQL lists, and forget those that fell silent."""
        self._known = frozenset(names)
        now = time.monotonic()
        self._heartbeats = {name: kept for name, kept in self._heartbeats.items() if now - kept[0] <= LIVING_SECONDS}

    def knows(self, name: str) -> bool:
        """Whether PostgreSQL lists a process of that name."""
        return name in self._known

    def keep_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Keep a heartbeat; a new process may be heard before its row is read, so a few of unknown ones are kept."""
        name = heartbeat.sender
        if not heartbeat.is_consistent:
            return
        if name in self._known or name in self._heartbeats or len(self._heartbeats) < self._limit:
            self._heartbeats[name] = (time.monotonic(), heartbeat)

    def living(self) -> list[Heartbeat]:
        """The last heartbeat of each known process that was heard of lately."""
        now = time.monotonic()
        kept = [self._heartbeats[name] for name in self._heartbeats.keys() & self._known]
        return [heartbeat for at, heartbeat in kept if now - at <= LIVING_SECONDS]

    @property
    def _limit(self) -> int:
        return len(self._known) + _MOST_UNKNOWN
