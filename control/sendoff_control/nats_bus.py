"""The NATS side: commands through a queue group, replies to requests, and the fleet's announcements and heartbeats."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from sendoff_control.bus import Bus, raise_if_cancelled, run_together
from sendoff_control.hints import Outbox, Outgoing, Topic
from sendoff_control.member import Member
from sendoff_control.nats_commands import NatsCommands
from sendoff_control.nats_connection import CLOSE_TIMEOUT, CONNECT_TIMEOUT, close_client, connection_options, fail_when
from sendoff_control.protocol import Heartbeat, Reply, is_inbox
from sendoff_domain.control import Action

_QUEUE_GROUP = "authority"

log = structlog.get_logger("sendoff.control")

#: Topics that all processes send under one subject; the subjects of the others end with their sender.
_SHARED: frozenset[Topic] = frozenset({"state", "wake", "customer"})


class NatsBus(Bus):
    """The fleet on NATS.

    Each session has a client of its own that never reconnects: it would replay what it buffered meanwhile, and it gives
    up for good on some errors anyway (nats-py `_process_err`). `expected_revision` gives the fence of a command that
    this process may be reading late.
    """

    def __init__(
        self, *, member: Member, outbox: Outbox, expected_revision: Callable[[str, float], int | None]
    ) -> None:
        super().__init__(member, outbox)
        self._prefix = f"{member.settings.control.prefix}.control"
        self._name = member.identity.name
        self._client_name = f"{self._prefix} {self._name}"
        self._expected_revision = expected_revision

    async def leave(self) -> None:
        """Send what is still to be sent; the server forgets the rest with the connection."""
        await self._outbox.drained(CLOSE_TIMEOUT / 2)

    def _target(self, topic: Topic) -> str:
        return f"{self._prefix}.{topic}" if topic in _SHARED else f"{self._prefix}.{topic}.{self._name}"

    async def _session(self) -> None:
        client, closed = Client(), asyncio.Event()
        commands = NatsCommands(
            decide=self._member.command, expected_revision=self._expected_revision, reply=self._reply
        )
        try:
            async with asyncio.timeout(2 * CONNECT_TIMEOUT):
                await client.connect(**connection_options(self._member.settings.nats, self._client_name, closed))
                await self._subscribe(client, commands)
                await self._hear_oneself(client)
            queue = self._open()
            with self._member.nats_requests.over(client):
                await run_together(fail_when(closed, client), self._write(client, queue), commands.run())
        finally:
            await close_client(client)

    async def _write(self, client: Client, queue: asyncio.Queue[Outgoing]) -> None:
        while True:
            outgoing = await queue.get()
            to = outgoing.reply_to if outgoing.topic == "reply" else self._target(outgoing.topic)
            await client.publish(to, outgoing.payload)
            raise_if_cancelled()
            queue.task_done()

    async def _subscribe(self, client: Client, commands: NatsCommands) -> None:
        def taking(action: Action) -> Callable[[Msg], Awaitable[None]]:
            async def take(message: Msg) -> None:
                commands.take(message, action)

            return take

        def hearing(topic: Topic) -> Callable[[Msg], Awaitable[None]]:
            async def hear(message: Msg) -> None:
                self._hear(topic, message.data)

            return hear

        async def tell(message: Msg) -> None:
            self._reply(message.reply, self._member.own_process.heartbeat())

        await client.subscribe(f"{self._prefix}.state", cb=hearing("state"))
        for hint in ("wake", "customer"):
            await client.subscribe(f"{self._prefix}.{hint}", cb=hearing(hint))
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
        await client.publish(self._target("heartbeat"), msgspec.json.encode(self._member.own_process.heartbeat()))
        await heard.wait()
        await own.unsubscribe()

    def _reply(self, to: str, document: Reply | Heartbeat) -> None:
        if is_inbox(to):
            self._outbox.put(Outgoing("reply", msgspec.json.encode(document), to))
        elif to:
            log.debug("a reply was wanted on a subject that is no inbox", bytes=len(to))
