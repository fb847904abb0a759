"""What the two buses have in common: a service of sessions, each from connecting to the loss of the connection."""

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
import structlog

from sendoff_control.authority import Fence
from sendoff_control.hints import Outbox, Outgoing, Topic
from sendoff_control.member import Member
from sendoff_control.protocol import Heartbeat, StateAnnouncement, decode, decode_customer_id
from sendoff_domain.control import Command, Decision, Origin

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 3.0
#: A session that lasted this long makes the next failure a first one.
_STABLE = 10.0

log = structlog.get_logger("sendoff.control")

#: Commits a command; raises UnavailableError or a psycopg error when nothing was decided.
Decide = Callable[[Command, Origin, Fence], Awaitable[Decision]]


class Bus(ABC):
    """One bus as this process uses it: what it hears goes to the member, what is in the outbox goes out.

    As a service, one turn is one session, and it waits between two of them.
    """

    def __init__(self, member: Member, outbox: Outbox) -> None:
        self._member = member
        self._outbox = outbox
        self._failures = 0

    @property
    def name(self) -> str:
        """`control nats` or `control redis`."""
        return f"control {self._outbox.bus}"

    async def wait(self) -> None:
        """Pause before the next session, longer after each failure; the first one begins at once."""
        if self._failures:
            longest = min(_FIRST_PAUSE * 2**self._failures, _LONGEST_PAUSE)
            await asyncio.sleep(random.uniform(_FIRST_PAUSE, longest))  # noqa: S311 spreads load, keeps no secret

    async def run_once(self) -> None:
        """Hold one session, until the connection is gone."""
        began = time.monotonic()
        reason = await self._hold_session()
        raise_if_cancelled()
        self._failures = 1 if time.monotonic() - began > _STABLE else self._failures + 1
        if self._failures == 1:
            log.warning("a bus is down", bus=self._outbox.bus, reason=reason)

    async def _hold_session(self) -> str:
        try:
            await self._session()
        except Exception as error:  # noqa: BLE001 whatever a client library raises, the next session is the answer
            return _describe(error)
        finally:
            self._outbox.close()
        return "the connection was closed"

    def _open(self) -> asyncio.Queue[Outgoing]:
        """To be called by a session once it is subscribed; returns what it has to send."""
        raise_if_cancelled()
        queue = self._outbox.open()
        self._catch_up()
        log.info("a bus is up", bus=self._outbox.bus)
        return queue

    def _catch_up(self) -> None:
        """After a subscription: be seen on this bus, and read from PostgreSQL what it did not carry meanwhile."""
        self._outbox.put(Outgoing("heartbeat", msgspec.json.encode(self._member.own_process.heartbeat())))
        self._member.poller.soon()

    def _hear(self, topic: Topic, payload: bytes) -> None:
        """Tell the member what came over this bus; garbage is dropped."""
        if topic == "state" and (announcement := decode(payload, StateAnnouncement)):
            self._member.heard_state(announcement)
        elif topic == "heartbeat" and (heartbeat := decode(payload, Heartbeat)):
            self._member.heard_heartbeat(heartbeat)
        elif topic == "wake":
            self._member.subscribers.woken()
        elif topic == "customer" and (customer_id := decode_customer_id(payload)):
            self._member.subscribers.customer_changed(customer_id)

    @abstractmethod
    async def _session(self) -> None:
        """Connect, subscribe, call `_open`, and serve; returns or raises once the connection is gone."""

    @abstractmethod
    async def leave(self) -> None:
        """Take back what only a living process may hold; called before the session ends."""


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


def raise_if_cancelled() -> None:
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
