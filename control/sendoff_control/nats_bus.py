"""The NATS side: commands through a queue group, answers to requests, and the fleet's facts, acks and heartbeats."""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from nats.aio.client import Client
from nats.aio.msg import Msg

from sendoff_config.settings import NatsSettings
from sendoff_control.authority import Fence
from sendoff_control.bus import Bus, raise_if_cancelled, run_together
from sendoff_control.member import Member
from sendoff_control.outbox import Outbox, Outgoing, Topic
from sendoff_control.protocol import Reply, encode, reply_to
from sendoff_domain.control import Action, Rejected, parse_command
from sendoff_domain.errors import UnavailableError

_TIMEOUT = 3
_CLOSE_TIMEOUT = 0.5
#: Two pings without an answer end the session.
PING_INTERVAL: float = 5
_QUEUE_GROUP = "authority"
#: Commands that wait for PostgreSQL; one more than that is refused, not kept.
_WAITING = 100

_log = logging.getLogger(__name__)

#: Topics that all processes send under one subject; the subjects of the others end with their sender.
_SHARED: frozenset[Topic] = frozenset({"state", "wake", "customer"})


@dataclass(frozen=True, slots=True)
class Request:
    """A command as it was read, with what fences it; `reply` is empty when nobody waits for an answer."""

    payload: bytes
    action: Action
    reply: str
    read_at: float


class NatsBus(Bus):
    """Each session has a client of its own that never reconnects: it would replay what it buffered meanwhile, and
    it gives up for good on some errors anyway (nats-py `_process_err`).

    `expected_revision` gives the fence of a command that this process may be reading late.
    """

    def __init__(
        self,
        *,
        settings: NatsSettings,
        prefix: str,
        member: Member,
        outbox: Outbox,
        expected_revision: Callable[[str, float], int | None],
    ) -> None:
        super().__init__(member, outbox)
        self._settings = settings
        self._prefix = f"{prefix}.control"
        self._name = member.identity.name
        self._expected_revision = expected_revision

    async def leave(self) -> None:
        """Send what is still to be sent; the server forgets the rest with the connection."""
        await self._outbox.drained(_CLOSE_TIMEOUT / 2)

    def _target(self, topic: Topic) -> str:
        return f"{self._prefix}.{topic}" if topic in _SHARED else f"{self._prefix}.{topic}.{self._name}"

    async def _session(self) -> None:
        client, closed = Client(), asyncio.Event()
        requests: asyncio.Queue[Request] = asyncio.Queue(_WAITING)
        try:
            async with asyncio.timeout(2 * _TIMEOUT):
                await client.connect(**self._options(closed))
                await self._subscribe(client, requests)
                await self._hear_oneself(client)
            queue = self._open()
            await run_together(_fail_when(closed, client), self._publish(client, queue), self._serve(requests))
        finally:
            with contextlib.suppress(Exception):  # a connection that breaks while it is closed is closed as well
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await client.close()

    def _options(self, closed: asyncio.Event) -> dict[str, Any]:
        async def on_closed() -> None:
            closed.set()

        async def on_error(error: Exception) -> None:
            _log.debug("control: nats: %s", error)

        settings = self._settings
        return {
            "servers": [server.strip() for server in (settings.url or "").split(",")],
            "name": f"{self._prefix} {self._name}",
            "allow_reconnect": False,
            "max_reconnect_attempts": 1,  # or the first connect tries each server for two minutes
            "reconnect_time_wait": 0.05,
            "connect_timeout": _TIMEOUT,
            "ping_interval": PING_INTERVAL,
            "max_outstanding_pings": 2,
            "closed_cb": on_closed,
            "error_cb": on_error,
            "user": settings.user,
            "password": settings.password and settings.password.get_secret_value(),
            "token": settings.token and settings.token.get_secret_value(),
            "user_credentials": settings.creds,
            "tls": ssl.create_default_context() if settings.tls else None,
        }

    async def _publish(self, client: Client, queue: asyncio.Queue[Outgoing]) -> None:
        while True:
            outgoing = await queue.get()
            to = outgoing.reply_to if outgoing.topic == "reply" else self._target(outgoing.topic)
            await client.publish(to, outgoing.payload)
            raise_if_cancelled()
            queue.task_done()

    async def _subscribe(self, client: Client, requests: asyncio.Queue[Request]) -> None:
        def taking(action: Action) -> Callable[[Msg], Awaitable[None]]:
            async def take(message: Msg) -> None:
                self._take(Request(message.data, action, message.reply, time.monotonic()), requests)

            return take

        def hearing(topic: Topic) -> Callable[[Msg], Awaitable[None]]:
            async def hear(message: Msg) -> None:
                self.hear(topic, message.data)

            return hear

        async def tell(message: Msg) -> None:
            self._reply(message.reply, encode(self._member.heartbeat()))

        await client.subscribe(f"{self._prefix}.state", cb=hearing("state"))
        for hint in ("wake", "customer"):
            await client.subscribe(f"{self._prefix}.{hint}", cb=hearing(hint))
        await client.subscribe(f"{self._prefix}.ack.*", cb=hearing("ack"))
        await client.subscribe(f"{self._prefix}.heartbeat.*", cb=hearing("heartbeat"))
        await client.subscribe(f"{self._prefix}.status", cb=tell)
        for action in Action:
            await client.subscribe(f"{self._prefix}.{action}", queue=_QUEUE_GROUP, cb=taking(action))

    async def _hear_oneself(self, client: Client) -> None:
        """Wait until the server has taken the subscriptions, which it does in order.

        Not by `flush`: a cancelled one leaves a future behind that breaks the client's reader when the answer comes.
        """
        heard = asyncio.Event()

        async def hear(_: Msg) -> None:
            heard.set()

        own = await client.subscribe(self._target("heartbeat"), cb=hear)
        await client.publish(self._target("heartbeat"), encode(self._member.heartbeat()))
        await heard.wait()
        await own.unsubscribe()

    def _take(self, request: Request, requests: asyncio.Queue[Request]) -> None:
        try:
            requests.put_nowait(request)
        except asyncio.QueueFull:
            self._reply(request.reply, encode(Reply("unavailable", error="too many commands are waiting")))

    async def _serve(self, requests: asyncio.Queue[Request]) -> None:
        while True:
            request = await requests.get()
            self._reply(request.reply, encode(await self._answer(request)))

    async def _answer(self, request: Request) -> Reply:
        command = parse_command(request.payload, request.action)
        if isinstance(command, Rejected):
            _log.warning("control: a command on nats was rejected: %s", command.error)
            return Reply("rejected", error=command.error)
        expected = None if command.issued_at else self._expected_revision(command.scope, request.read_at)
        try:
            return reply_to(await self._member.command(command, "nats", Fence(expected_revision=expected)))
        except UnavailableError as error:
            return Reply("unavailable", error=str(error))
        except psycopg.Error:
            _log.exception("control: a command on nats failed")
            return Reply("unavailable", error="the database refused the command")

    def _reply(self, to: str, payload: bytes) -> None:
        if to:
            self._outbox.put(Outgoing("reply", payload, to))


async def _fail_when(closed: asyncio.Event, client: Client) -> None:
    await closed.wait()
    raise ConnectionError(str(client.last_error or "the server closed the connection"))
