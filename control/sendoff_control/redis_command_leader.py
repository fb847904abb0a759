"""Which process commits a command that all of them heard on Redis.

A command without an id counts each time it is committed, so exactly one process may: the holder of a lease. If the
holder died before it acted, its successor acts, but only if nothing has been decided since the command was heard.
"""

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from sendoff_control.authority import NO_FENCE, Fence
from sendoff_control.bus import Decide, raise_if_cancelled
from sendoff_control.lease import Lease
from sendoff_control.protocol import StateAnnouncement
from sendoff_control.stall_detector import StallDetector
from sendoff_control.states import AppliedStates
from sendoff_db.clock import DatabaseClock
from sendoff_domain.control import Command, Rejected, parse_command
from sendoff_domain.errors import UnavailableError

#: A command that waited longer than this is not acted on: the world has moved on.
_LONGEST_WAIT = 5.0
#: The holder must have locked the scope within this time after it made sure of its lease (which then lasts 2 s), so
#: that a successor cannot have acted in between.
_COMMIT_WITHIN = 1.5
#: How long the others leave a command with an id to the holder.
_PATIENCE = (0.2, 0.4)
_QUEUE = 1000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReceivedCommand:
    """A command, when it was read, and the revision of its scope that it may rely on: see `StallDetector`."""

    command: Command
    at: float
    revision: int


@dataclass(frozen=True, slots=True)
class TermMarker:
    """Everything read after it was published during the term of this token."""

    token: str


class RedisCommandLeader:
    """Takes the commands of one Redis session, in the order in which they were read.

    `Lease.renew` proves that nobody else held the lease since this term began, and the mark that a command was
    published after that: together they make sure that nobody else has acted on it, even if this process slept.
    """

    def __init__(
        self, lease: Lease, states: AppliedStates, stall_detector: StallDetector, clock: DatabaseClock, decide: Decide
    ) -> None:
        self._lease = lease
        self._states = states
        self._stall_detector = stall_detector
        self._clock = clock
        self._decide = decide
        self._queue: asyncio.Queue[ReceivedCommand | TermMarker] = asyncio.Queue(_QUEUE)
        self._term: str | None = None
        self._remembered: dict[str, ReceivedCommand] = {}
        self._decided: dict[str, float] = {}

    def hear(self, payload: bytes) -> None:
        """Take a payload of the command channel."""
        command = parse_command(payload)
        if isinstance(command, Rejected):
            _log.warning("control: a command on redis was rejected: %s", command.error)
        else:
            now = time.monotonic()
            expected = self._stall_detector.expected_revision(command.scope, now)
            self._put(
                ReceivedCommand(command, now, self._states.revision(command.scope) if expected is None else expected)
            )

    def mark(self, token: str) -> None:
        """Take the mark that the holder of that term has sent through the subscription."""
        self._put(TermMarker(token))

    def note(self, fact: StateAnnouncement) -> None:
        """A fact tells which command has been decided, so that nobody else needs to."""
        if fact.command_id is not None:
            now = time.monotonic()
            self._decided = {name: at for name, at in self._decided.items() if now - at < _LONGEST_WAIT}
            self._decided[fact.command_id] = now

    def _put(self, item: ReceivedCommand | TermMarker) -> None:
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            _log.warning("control: a flood of commands on redis, one was dropped")

    async def settled(self, timeout: float) -> bool:
        """Wait until everything that was heard is dealt with; False if that takes longer than `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._queue.join()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Work through what was heard until cancelled; raises redis errors when Redis does not answer."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._turn(await self._queue.get(), group)
                raise_if_cancelled()
                self._queue.task_done()

    async def _turn(self, item: ReceivedCommand | TermMarker, group: asyncio.TaskGroup) -> None:
        if isinstance(item, TermMarker):
            await self._begin(item.token)
        elif self._term is not None and self._term == self._lease.token:
            await self._act(item)
        elif item.command.command_id is not None:
            group.create_task(self._act_unless_decided(item))
        else:
            self._remembered[item.command.scope] = item  # the last one is what was wanted in the end

    async def _begin(self, token: str) -> None:
        """Become the one who acts, and act on what the last holder has left undone."""
        if token != self._lease.token:
            return
        self._term = token
        inherited, self._remembered = self._remembered, {}
        for heard in inherited.values():
            if self._states.revision(heard.command.scope) == heard.revision:
                await self._commit(heard, Fence(self._commit_deadline(), heard.revision))

    async def _act(self, heard: ReceivedCommand) -> None:
        deadline = self._commit_deadline()
        if heard.command.command_id is not None:
            await self._commit(heard, NO_FENCE)
        elif await self._lease.renew():
            await self._commit(heard, Fence(deadline))
        else:
            self._remembered[heard.command.scope] = heard

    async def _act_unless_decided(self, heard: ReceivedCommand) -> None:
        await asyncio.sleep(random.uniform(*_PATIENCE))  # noqa: S311 spreads load, keeps no secret
        if heard.command.command_id not in self._decided:
            await self._commit(heard, NO_FENCE)

    async def _commit(self, heard: ReceivedCommand, fence: Fence) -> None:
        waited = time.monotonic() - heard.at
        if waited > _LONGEST_WAIT:
            _log.warning("control: %s of %s on redis came too late", heard.command.action, heard.command.scope)
            return
        try:
            await self._decide(heard.command, "redis", fence)
        except (UnavailableError, psycopg.Error) as error:
            _log.warning("control: %s of %s on redis is lost: %s", heard.command.action, heard.command.scope, error)

    def _commit_deadline(self) -> datetime | None:
        return datetime.fromtimestamp(self._clock.now() + _COMMIT_WITHIN, UTC) if self._clock.known else None
