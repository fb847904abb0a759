"""Commands that come as NATS messages: of a queue group one process takes each, and replies if that is wanted."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
import structlog
from nats.aio.msg import Msg

from sendoff_control.authority import Fence
from sendoff_control.bus import Decide
from sendoff_control.protocol import Reply, reply_to
from sendoff_domain.control import Action, Rejected, parse_command
from sendoff_domain.errors import UnavailableError, UnknownScopeError

#: Commands that wait for PostgreSQL; one more than that is refused, not kept.
_LIMIT = 100

log = structlog.get_logger("sendoff.control")


@dataclass(frozen=True, slots=True)
class _Request:
    """A command as it was read at `read_at` (`time.monotonic()`); `reply_to` is empty when no answer is wanted."""

    payload: bytes
    action: Action
    reply_to: str
    read_at: float


class NatsCommands:
    """Takes the commands of one session and decides them in the order in which they were read.

    `expected_revision` gives the fence of a command without a time of issue, which this process may be reading late.
    `reply` sends the answer to a subject.
    """

    def __init__(
        self,
        *,
        decide: Decide,
        expected_revision: Callable[[str, float], int | None],
        reply: Callable[[str, Reply], None],
    ) -> None:
        self._decide = decide
        self._expected_revision = expected_revision
        self._reply = reply
        self._queue: asyncio.Queue[_Request] = asyncio.Queue(_LIMIT)

    def take(self, message: Msg, action: Action) -> None:
        """Take a message of the subject of that action."""
        try:
            self._queue.put_nowait(_Request(message.data, action, message.reply, time.monotonic()))
        except asyncio.QueueFull:
            self._reply(message.reply, Reply("unavailable", error="too many commands are waiting"))

    async def run(self) -> None:
        """Decide what was taken until cancelled."""
        while True:
            request = await self._queue.get()
            self._reply(request.reply_to, await self._answer(request))

    async def _answer(self, request: _Request) -> Reply:
        command = parse_command(request.payload, request.action)
        if isinstance(command, Rejected):
            log.warning("a command was rejected", bus="nats", error=command.error)
            return Reply("rejected", error=command.error)
        expected = None if command.issued_at else self._expected_revision(command.scope, request.read_at)
        try:
            return reply_to(await self._decide(command, "nats", Fence(expected_revision=expected)))
        except UnknownScopeError as error:
            return Reply("rejected", error=str(error))
        except UnavailableError as error:
            return Reply("unavailable", error=str(error))
        except psycopg.Error:
            log.exception("a command failed", bus="nats")
            return Reply("unavailable", error="the database refused the command")
