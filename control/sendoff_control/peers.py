"""What the processes said over the buses: acks and signs of life, in memory only."""

import asyncio
import time

from sendoff_control.protocol import Ack, Heartbeat

#: A process without a sign of life for this long counts as gone.
LIVING_SECONDS = 15.0


class Peers:
    """The newest heartbeat and the newest ack per scope of each process, this one included."""

    def __init__(self) -> None:
        self._heartbeats: dict[str, tuple[float, Heartbeat]] = {}
        self._acks: dict[str, dict[str, Ack]] = {}
        self._next_ack = asyncio.Event()

    @property
    def next_ack(self) -> asyncio.Event:
        """An event that the next ack sets; take it before looking at the acks."""
        return self._next_ack

    def keep_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Keep a heartbeat; forget the acks of a predecessor of the same name, and processes that fell silent."""
        now = time.monotonic()
        last = self._heartbeats.get(heartbeat.sender)
        if last is not None and last[1].started_at != heartbeat.started_at:
            self._acks.pop(heartbeat.sender, None)
        self._heartbeats[heartbeat.sender] = (now, heartbeat)
        for name in [name for name, (at, _) in self._heartbeats.items() if now - at > LIVING_SECONDS]:
            del self._heartbeats[name]
            self._acks.pop(name, None)

    def keep_ack(self, ack: Ack) -> None:
        """Keep an ack, whatever its order: the last word of a process counts."""
        self._acks.setdefault(ack.sender, {})[ack.scope] = ack
        self._next_ack.set()
        self._next_ack = asyncio.Event()

    def last_ack(self, name: str, scope: str) -> Ack | None:
        """The last ack of that process for that scope."""
        return self._acks.get(name, {}).get(scope)

    def living(self) -> list[Heartbeat]:
        """The last heartbeat of each process that was heard of lately."""
        now = time.monotonic()
        return [heartbeat for at, heartbeat in self._heartbeats.values() if now - at <= LIVING_SECONDS]
