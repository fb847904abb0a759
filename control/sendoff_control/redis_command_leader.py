"""Which process commits a command that all of them heard on Redis.

A command without an id counts each time it is committed, so exactly one process may: the leader, who holds a lease. If
the leader died before it acted, its successor acts, but only if nothing has been decided since the command was read.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
import structlog

from sendoff_control.authority import NO_FENCE, Fence
from sendoff_control.bus import Decide, raise_if_cancelled
from sendoff_control.lease import Lease
from sendoff_control.stall_detector import StallDetector
from sendoff_control.states import AppliedStates
from sendoff_db.clock import DatabaseClock
from sendoff_domain.control import Command, Rejected, parse_command
from sendoff_domain.errors import UnavailableError, UnknownScopeError

#: A command that waited longer than this is not acted on: the world has moved on.
_LONGEST_WAIT = 5.0
#: The leader must have locked the scope within this time after it renewed its lease (which then lasts 2 s), so that a
#: successor cannot have acted in between.
_COMMIT_WITHIN = 1.5
#: How long the others leave a command with an id to the leader.
_PATIENCE = (0.2, 0.4)
_QUEUE = 1000
#: So many commands with an id wait for the leader at a time.
_MOST_WAITING = 100

log = structlog.get_logger("sendoff.control")


@dataclass(frozen=True, slots=True)
class ReceivedCommand:
    """A command, when it was read, and the revision of its scope that it may rely on: see `StallDetector`."""

    command: Command
    at: float
    revision: int


@dataclass(frozen=True, slots=True)
class TermMarker:
    """What is read after this was published during the term of this token."""

    token: str


class RedisCommandLeader:
    """Takes the commands of one Redis session, in the order in which they were read.

    `Lease.renew` proves that no other process held the lease since this term began, and the marker that a command was
    published after that: together they make sure that no other process has acted on it, even if this one slept.
    """

    def __init__(
        self,
        *,
        lease: Lease,
        states: AppliedStates,
        stall_detector: StallDetector,
        clock: DatabaseClock,
        decide: Decide,
        is_recorded: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._lease = lease
        self._states = states
        self._stall_detector = stall_detector
        self._clock = clock
        self._decide = decide
        self._queue: asyncio.Queue[ReceivedCommand | TermMarker] = asyncio.Queue(_QUEUE)
        self._term: str | None = None
        self._is_recorded = is_recorded
        self._left_to_leader: dict[str, ReceivedCommand] = {}
        self._waiting: set[asyncio.Task[None]] = set()

    def receive(self, payload: bytes) -> None:
        """Take a payload of the command channel."""
        command = parse_command(payload)
        if isinstance(command, Rejected):
            log.warning("a command was rejected", bus="redis", error=command.error)
            return
        now = time.monotonic()
        revision = self._stall_detector.expected_revision(command.scope, now)
        if revision is None:
            revision = self._states.revision(command.scope)
        self._put(ReceivedCommand(command, now, revision))

    def receive_marker(self, token: str) -> None:
        """Take the marker that the holder of that term has sent through the subscription."""
        self._put(TermMarker(token))

    def _put(self, item: ReceivedCommand | TermMarker) -> None:
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            log.warning("a flood of commands, one was dropped", bus="redis")

    async def drained(self, timeout: float) -> bool:
        """Wait until everything that was received is dealt with; False if that takes longer than `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._queue.join()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Work through what was received until cancelled; raises redis errors when Redis does not answer."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._handle(await self._queue.get(), group)
                raise_if_cancelled()
                self._queue.task_done()

    async def _handle(self, item: ReceivedCommand | TermMarker, group: asyncio.TaskGroup) -> None:
        if isinstance(item, TermMarker):
            await self._begin_term(item.token)
        elif self._term is not None and self._term == self._lease.token:
            await self._act(item)
        elif item.command.command_id is not None:
            self._wait_for_leader(item, group)
        else:
            self._leave_to_leader(item)

    async def _begin_term(self, token: str) -> None:
        """Become the leader, and act on what the last one has left undone."""
        if token != self._lease.token:
            return
        self._term = token
        inherited, self._left_to_leader = self._left_to_leader, {}
        for received in inherited.values():
            if self._states.revision(received.command.scope) == received.revision:
                await self._commit(received, Fence(self._commit_deadline(), received.revision))

    async def _act(self, received: ReceivedCommand) -> None:
        deadline = self._commit_deadline()
        if received.command.command_id is not None:
            await self._commit(received, NO_FENCE)
        elif await self._lease.renew():
            await self._commit(received, Fence(deadline))
        else:
            self._leave_to_leader(received)

    def _leave_to_leader(self, received: ReceivedCommand) -> None:
        """Keep the last command of each scope, which is what was wanted in the end."""
        scope = received.command.scope
        if scope in self._left_to_leader or len(self._left_to_leader) < _QUEUE:
            self._left_to_leader[scope] = received

    def _wait_for_leader(self, received: ReceivedCommand, group: asyncio.TaskGroup) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            log.warning("a flood of commands, one is left to the leader", bus="redis")
            return
        task = group.create_task(self._act_unless_recorded(received))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _act_unless_recorded(self, received: ReceivedCommand) -> None:
        await asyncio.sleep(random.uniform(*_PATIENCE))  # noqa: S311 spreads load, keeps no secret
        if not await self._is_known(received.command.command_id or ""):
            await self._commit(received, NO_FENCE)

    async def _is_known(self, command_id: str) -> bool:
        try:
            return await self._is_recorded(command_id)
        except (UnavailableError, psycopg.Error):
            return False  # the commit will tell

    async def _commit(self, received: ReceivedCommand, fence: Fence) -> None:
        command = received.command
        if time.monotonic() - received.at > _LONGEST_WAIT:
            log.warning("a command came too late", bus="redis", action=command.action, scope=command.scope)
            return
        try:
            await self._decide(command, "redis", fence)
        except (UnavailableError, UnknownScopeError, psycopg.Error) as error:
            log.warning("a command is lost", bus="redis", action=command.action, scope=command.scope, error=str(error))

    def _commit_deadline(self) -> datetime | None:
        return datetime.fromtimestamp(self._clock.now() + _COMMIT_WITHIN, UTC) if self._clock.known else None
