"""Hints: what a process tells the others of the fleet, and who is told in it what the others say.

A publisher puts hints into outboxes, one for each bus, and a bus passes on to the subscribers what it hears. All are
made before the buses, so that a member can speak and listen without knowing them.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import structlog

from sendoff_control.protocol import Ack, BusHealth, Heartbeat, RedisTrouble, announcement_of
from sendoff_domain.control import ControlState

Topic = Literal["state", "ack", "heartbeat", "wake", "customer"]
BusName = Literal["nats", "redis"]
#: More hints than this are not kept for a bus that is slower than the process.
_LIMIT = 1000

log = structlog.get_logger("sendoff.control")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Bytes of a topic, or the `reply` to a request, whose subject is `reply_to`."""

    topic: Topic | Literal["reply"]
    payload: bytes
    reply_to: str = ""


_WAKE = Outgoing("wake", b"")


class Outbox:
    """Takes hints for one bus while that is up, and drops them while it is down.

    Nothing is kept for later: a command that is replayed after a reconnection may be the opposite of what is wanted by
    then, and a state is announced again anyway.
    """

    def __init__(self, bus: BusName) -> None:
        self.bus = bus
        #: Why the bus takes nothing although it answers; kept from one session to the next, until it takes something.
        self.trouble: RedisTrouble | None = None
        self._queue: asyncio.Queue[Outgoing] | None = None

    @property
    def health(self) -> BusHealth:
        """Whether this process is subscribed to the bus, and can say something there."""
        return "down" if self._queue is None or self.trouble is not None else "up"

    def open(self) -> asyncio.Queue[Outgoing]:
        """Take hints from now on; returns the queue from which the bus sends them."""
        self._queue = asyncio.Queue(_LIMIT)
        return self._queue

    def close(self) -> None:
        """Drop what is left and everything that comes."""
        self._queue = None

    def put(self, outgoing: Outgoing) -> None:
        """Leave something to be sent if the bus is up; returns at once."""
        if self._queue is not None and not self._queue.full():
            self._queue.put_nowait(outgoing)

    async def drained(self, timeout: float) -> None:
        """Wait until what was put is on its way, `timeout` seconds at most."""
        if self._queue is None:
            return
        try:
            async with asyncio.timeout(timeout):
                await self._queue.join()
        except TimeoutError:
            log.info("leaving with unsent hints", bus=self.bus)


class Publisher:
    """Puts hints into the outboxes of all configured buses; nothing here blocks or raises."""

    def __init__(self, sender: str, outboxes: Sequence[Outbox]) -> None:
        self.outboxes = outboxes
        self._sender = sender

    @property
    def health(self) -> dict[str, BusHealth]:
        """How this process sees the buses; one that is not configured is `off`."""
        health: dict[str, BusHealth] = {"nats": "off", "redis": "off"}
        return health | {outbox.bus: outbox.health for outbox in self.outboxes}

    @property
    def redis_health(self) -> BusHealth | RedisTrouble:
        """As `health`, but a Redis that answers and takes no writes says why."""
        said = (outbox.trouble for outbox in self.outboxes if outbox.bus == "redis")
        return next(said, None) or self.health["redis"]

    def announce(self, state: ControlState, command_id: str | None = None) -> None:
        """Tell the fleet a state that PostgreSQL has committed, and by which command."""
        self._publish("state", msgspec.json.encode(announcement_of(self._sender, state, command_id)))

    def acknowledge(self, ack: Ack) -> None:
        """Tell the fleet that this process has applied a state."""
        self._publish("ack", msgspec.json.encode(ack))

    def send_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Give a sign of life."""
        self._publish("heartbeat", msgspec.json.encode(heartbeat))

    def wake(self) -> None:
        """Tell the workers that a message was stored which is due at once; a lost hint costs one interval.

        It goes over one bus, Redis if that is up: a worker that does not reach Redis could hand on nothing anyway.
        """
        up = {outbox.bus: outbox for outbox in self.outboxes if outbox.health == "up"}
        outbox = up.get("redis") or up.get("nats")
        if outbox is not None:
            outbox.put(_WAKE)

    def customer_changed(self, customer_id: str) -> None:
        """Tell the fleet that a customer has changed; a process that misses the hint reads it within two seconds."""
        self._publish("customer", customer_id.encode())

    def _publish(self, topic: Topic, payload: bytes) -> None:
        for outbox in self.outboxes:
            outbox.put(Outgoing(topic, payload))


class Subscribers:
    """The callables that are told of news; one that fails is logged, and the next ones are told all the same."""

    def __init__(self) -> None:
        self._on_change: list[Callable[[ControlState], None]] = []
        self._on_wake: list[Callable[[], None]] = []
        self._on_customer: list[Callable[[str], None]] = []

    def add(
        self,
        *,
        on_change: Callable[[ControlState], None] | None,
        on_wake: Callable[[], None] | None,
        on_customer: Callable[[str], None] | None,
    ) -> None:
        """Add those that are given."""
        self._on_change += [] if on_change is None else [on_change]
        self._on_wake += [] if on_wake is None else [on_wake]
        self._on_customer += [] if on_customer is None else [on_customer]

    def state_changed(self, state: ControlState) -> None:
        """This process has applied a state."""
        for call in self._on_change:
            _tell(call, state)

    def woken(self) -> None:
        """A message was stored that is due at once."""
        for call in self._on_wake:
            _tell(call)

    def customer_changed(self, customer_id: str) -> None:
        """A customer was changed, or its breaker."""
        for call in self._on_customer:
            _tell(call, customer_id)


def _tell(call: Callable[..., None], *news: object) -> None:
    try:
        call(*news)
    except Exception:  # a subscriber's mistake must not stop the fleet's news
        log.exception("news of the fleet could not be passed on")
