"""What the two buses have in common: a life of sessions, each from connecting to the loss of the connection."""

import asyncio
import logging
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sendoff_control.protocol import Ack, BusHealth, Fact, Heartbeat, decode

Topic = Literal["state", "ack", "heartbeat", "wake", "customer"]
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 3.0
#: A session that lasted this long makes the next failure a first one.
_STABLE = 10.0
_OUTBOX = 1000

_log = logging.getLogger(__name__)


#: Topics of which everybody hears everything under one name; the others are told apart by their sender.
SHARED: frozenset[Topic] = frozenset({"state", "wake", "customer"})


class Listener(Protocol):
    """Who is told what a bus carries; nothing here may block or raise."""

    def connected(self, bus: "Bus") -> None:
        """The bus is subscribed: what came before was missed."""

    def heard_fact(self, fact: Fact) -> None:
        """Somebody announces a state."""

    def heard_ack(self, ack: Ack) -> None:
        """Somebody has applied a state."""

    def heard_heartbeat(self, beat: Heartbeat) -> None:
        """Somebody is alive."""

    def heard_wake(self) -> None:
        """Somebody has stored a message that is due at once."""

    def heard_customer(self, customer_id: str) -> None:
        """Somebody has changed that customer."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Bytes for a subject or channel."""

    topic: Topic | Literal["reply"]
    to: str
    payload: bytes


class Bus(ABC):
    """One bus as this process uses it: hints go out and come in while it is up, and are dropped while it is down.

    Nothing is kept for later: a command that is replayed after a reconnection may be the opposite of what is wanted by
    then, and a fact is announced again anyway.
    """

    def __init__(self, name: Literal["nats", "redis"], listener: Listener) -> None:
        self.name = name
        self._listener = listener
        self._outbox: asyncio.Queue[Outgoing] | None = None

    @property
    def health(self) -> BusHealth:
        """Whether this process is subscribed."""
        return "down" if self._outbox is None else "up"

    def send(self, topic: Topic, payload: bytes) -> None:
        """Send a hint if the bus is up; returns at once."""
        self._put(Outgoing(topic, self._target(topic), payload))

    def hear(self, topic: Topic, payload: bytes) -> None:
        """Tell the listener what came over this bus; garbage is dropped."""
        if topic == "state" and (fact := decode(payload, Fact)):
            self._listener.heard_fact(fact)
        elif topic == "ack" and (ack := decode(payload, Ack)):
            self._listener.heard_ack(ack)
        elif topic == "heartbeat" and (beat := decode(payload, Heartbeat)):
            self._listener.heard_heartbeat(beat)
        elif topic == "wake":
            self._listener.heard_wake()
        elif topic == "customer" and (text := payload.decode("ascii", "ignore")):
            self._listener.heard_customer(text)

    def _put(self, outgoing: Outgoing) -> None:
        if self._outbox is not None and not self._outbox.full():
            self._outbox.put_nowait(outgoing)

    async def run(self) -> None:
        """Connect, and connect again with growing pauses, until cancelled."""
        failures = 0
        while True:
            began = time.monotonic()
            reason = await self._live()
            heed_cancellation()
            failures = 1 if time.monotonic() - began > _STABLE else failures + 1
            if failures == 1:
                _log.warning("control: %s is down: %s", self.name, reason)
            longest = min(_FIRST_PAUSE * 2**failures, _LONGEST_PAUSE)
            await asyncio.sleep(random.uniform(_FIRST_PAUSE, longest))  # noqa: S311 spreads load, keeps no secret

    async def _live(self) -> str:
        try:
            await self._session()
        except Exception as error:  # noqa: BLE001 whatever a client library raises, the next session is the answer
            return _describe(error)
        finally:
            self._outbox = None
        return "the connection was closed"

    def _open(self) -> asyncio.Queue[Outgoing]:
        """To be called by a session once it is subscribed."""
        heed_cancellation()
        self._outbox = asyncio.Queue(_OUTBOX)
        self._listener.connected(self)
        _log.info("control: %s is up", self.name)
        return self._outbox

    async def drained(self, timeout: float) -> None:
        """Wait until what was sent is on its way, `timeout` seconds at most."""
        outbox = self._outbox
        if outbox is not None:
            try:
                async with asyncio.timeout(timeout):
                    await outbox.join()
            except TimeoutError:
                _log.info("control: leaving with unsent hints on %s", self.name)

    @abstractmethod
    def _target(self, topic: Topic) -> str:
        """The subject or channel on which this process sends that topic."""

    @abstractmethod
    async def _session(self) -> None:
        """Connect, subscribe, call `_open`, and serve; returns or raises once the connection is gone."""

    @abstractmethod
    async def leave(self) -> None:
        """Take back what only a living process may hold; called before the tasks end."""


async def run_together(*works: Coroutine[Any, Any, None]) -> None:
    """Run until the first one ends, then end the others; raises what that one raised.

    Unlike asyncio.TaskGroup, which before Python 3.13 leaves its task marked as cancelled after a failure.
    """
    tasks = [asyncio.get_running_loop().create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def heed_cancellation() -> None:
    """Raise the CancelledError that a library has swallowed; to be called after awaiting one in a loop.

    Before Python 3.12 asyncio.wait_for loses a cancellation that meets a result (CPython issue 81839), and nats-py
    ignores some on purpose: a loop around such a call would never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _describe(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
