"""What the other processes said over the buses: acks and signs of life, in memory only."""

import asyncio
import time

from sendoff_control.protocol import Ack, Heartbeat

#: A process without a sign of life for this long counts as gone.
LIVING_SECONDS = 15.0


class Peers:
    """The newest heartbeat and the newest ack per scope of each process, this one included."""

    def __init__(self) -> None:
        self._beats: dict[str, tuple[float, Heartbeat]] = {}
        self._acks: dict[str, dict[str, Ack]] = {}
        self._news = asyncio.Event()

    @property
    def news(self) -> asyncio.Event:
        """An event that the next ack sets; take it before looking at the acks."""
        return self._news

    def beat(self, beat: Heartbeat) -> None:
        """Keep a heartbeat; forget what a predecessor of the same name said, and whoever has been silent."""
        now = time.monotonic()
        if beat.sender in self._beats and self._beats[beat.sender][1].started_at != beat.started_at:
            self._acks.pop(beat.sender, None)
        self._beats[beat.sender] = (now, beat)
        for name in [name for name, (at, _) in self._beats.items() if now - at > LIVING_SECONDS]:
            del self._beats[name]
            self._acks.pop(name, None)

    def ack(self, ack: Ack) -> None:
        """Keep an ack, whatever its order: the last word of a process counts."""
        self._acks.setdefault(ack.sender, {})[ack.scope] = ack
        self._news.set()
        self._news = asyncio.Event()

    def last_ack(self, name: str, scope: str) -> Ack | None:
        """The last ack of that process for that scope."""
        return self._acks.get(name, {}).get(scope)

    def living(self) -> list[Heartbeat]:
        """The last heartbeat of each process that was heard of lately."""
        now = time.monotonic()
        return [beat for at, beat in self._beats.values() if now - at <= LIVING_SECONDS]
