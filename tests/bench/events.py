"""What the events cost: the rate of delivering with them, next to the same without, in turn."""

import asyncio
import time
from dataclasses import dataclass

import nats

from bench.accounting import Accounting, used
from bench.backlog import insert_due, refresh
from bench.deliver import PAID, WARM_UP, Round, deliver
from bench.installation import Installation, installation
from bench.series import Figures, Series, beside
from bench.surroundings import Surroundings
from support.instances import Process
from support.waiting import wait_until

_PATIENCE = 60.0
#: What each stream may hold.
_ROOM = str(2**28)


@dataclass(frozen=True, slots=True)
class Turn:
    """A backlog delivered, the CPU seconds of the publisher meanwhile, and how many messages have no event."""

    delivered: Round
    publisher: float
    unpublished: int

    @property
    def rate(self) -> float:
        """Messages a second."""
        return len(set(self.delivered.arrivals.ids)) / (self.delivered.arrivals.span or 1)

    @property
    def cpu(self) -> float:
        """CPU seconds for a thousand messages, without the publisher's."""
        return self._for_a_thousand(sum(self.delivered.cpu[name] for name in PAID))

    @property
    def publishing(self) -> float:
        """The publisher's CPU seconds for a thousand messages."""
        return self._for_a_thousand(self.publisher)

    @property
    def lost(self) -> int:
        """How many messages did not arrive."""
        return self.delivered.arrivals.lost({message.id for message in self.delivered.planned})

    def _for_a_thousand(self, seconds: float) -> float:
        return seconds * 1000 / len(self.delivered.planned)


def measure_events(around: Surroundings) -> Figures:
    """Each turn has an installation of its own, since positions that were begun are recorded on without events."""
    without = [_turn(around, "before", events=False)]
    beside_them: list[Turn] = []
    for number in range(around.scale.pairs):
        beside_them.append(_turn(around, f"with_{number}", events=True))
        without.append(_turn(around, f"without_{number}", events=False))
    return {"events": _figures(beside_them, without)}


def _turn(around: Surroundings, name: str, *, events: bool) -> Turn:
    with installation(around, f"events_{name}") as site:
        publisher = _publisher(site) if events else None
        pids = [process.popen.pid for process in site.workers(processes=2)]
        warm = insert_due(site.db, min(WARM_UP, around.scale.messages))
        deliver(site, warm, pids)
        planned = insert_due(site.db, around.scale.messages)
        refresh(site.db)
        accounting = Accounting({"publisher": [publisher.popen.pid] if publisher else []})
        before = accounting.read()
        delivered = deliver(site, planned, pids)
        missing = asyncio.run(_unpublished(site, len(warm) + len(planned))) if events else 0
        return Turn(delivered, used(before, accounting.read())["publisher"], missing)


def _publisher(site: Installation) -> Process:
    """Start it; returns once every row gets its position."""
    process = site.launch.ingest(
        EVENTS__ENABLED="true",
        EVENTS__RETRY__MAX_BYTES=_ROOM,
        EVENTS__DEAD__MAX_BYTES=_ROOM,
        EVENTS__OTHERS__MAX_BYTES=_ROOM,
    )

    def recording() -> bool:
        row = site.db.execute("SELECT system_identifier IS NOT NULL FROM event_cursor").fetchone()
        return bool(row and row[0]) and "publishing events" in process.tail()

    wait_until(recording, "the publisher is up", timeout=_PATIENCE)
    return process


async def _unpublished(site: Installation, count: int) -> int:
    """Wait until the streams have an event of each message; how many have none in the end."""
    sent = f"{site.prefix}.events.v1.sent.*"  # starts and stops of the fleet have events, too
    name = f"{site.prefix.upper()}_EVENTS"
    client = await nats.connect(site.around.addresses["nats"])
    try:
        jetstream = client.jetstream(timeout=10)
        deadline = time.monotonic() + _PATIENCE
        while True:
            info = await jetstream.stream_info(name, subjects_filter=sent)
            missing = count - sum((info.state.subjects or {}).values())
            if not missing or time.monotonic() > deadline:
                return missing
            await asyncio.sleep(0.05)
    finally:
        await client.close()


def _figures(beside_them: list[Turn], without: list[Turn]) -> dict[str, Series]:
    rates, bare = tuple(turn.rate for turn in beside_them), beside([turn.rate for turn in without])
    return {
        "rate": Series("msg/s", rates, bare),
        "cost": Series("%", tuple(100 * (1 - rate / other) for rate, other in zip(rates, bare, strict=True))),
        "cpu": Series("s/1000", tuple(turn.cpu for turn in beside_them), beside([turn.cpu for turn in without])),
        "cpu publisher": Series("s/1000", tuple(turn.publishing for turn in beside_them)),
        "lost": Series("", tuple(turn.lost for turn in (*beside_them, *without))),
        "unpublished": Series("", tuple(turn.unpublished for turn in beside_them)),
    }
