"""What a process holds: the messages that it took over, their leases, and whether it takes any more."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import timedelta

import psycopg
import structlog

from sendoff_actors.broker import Backpressure
from sendoff_actors.handoffs import Claimed, FailedAttempt, Queue
from sendoff_actors.sender.claimed_message import ClaimedMessage
from sendoff_actors.sender.completer import Completer
from sendoff_actors.sender.shortage_watch import ShortageWatch
from sendoff_actors.sender.slots import Slots
from sendoff_db.clock import DatabaseClock
from sendoff_db.failures import describe
from sendoff_domain.errors import UnavailableError

log = structlog.get_logger("sendoff.sender")

#: A lease is renewed when less than this part of it is left.
_RENEWAL_SHARE = 0.6


class Holdings:
    """The claimed messages of this process, from their arrival until their outcome is recorded or they are given back.

    The Sender's queue is closed by `backpressure` while no slot is left for one more message, `most` are held, or the
    process pauses for a shortage of its own.
    `on_limit_freed` is called when a message of a customer with a limit of concurrency is held no longer.
    """

    def __init__(
        self,
        *,
        slots: Slots,
        most: int,
        backpressure: Backpressure,
        shortage: ShortageWatch,
        on_limit_freed: Callable[[], None],
    ) -> None:
        self.slots = slots
        self.shortage = shortage
        self._most = most
        self._backpressure = backpressure
        self._on_limit_freed = on_limit_freed
        self._messages: dict[tuple[str, int], ClaimedMessage] = {}
        self._has_room = False
        backpressure.close(Queue.SENDER)
        self.update_room()

    def __len__(self) -> int:
        return len(self._messages)

    def is_empty(self) -> bool:
        """Whether this process holds nothing."""
        return not self._messages

    def customers(self) -> set[int]:
        """Whose messages are held: the incarnations of their customers."""
        return {message.claimed.incarnation for message in self._messages.values()}

    def add(self, claimed: Claimed, lease_until: float) -> ClaimedMessage:
        """Hold one message until `forget`; `update_room` is to be called after the last one of a batch."""
        message = ClaimedMessage(claimed, lease_until)
        self._messages[claimed.id, claimed.token] = message
        return message

    def keep(self, failure: FailedAttempt) -> Callable[[], None]:
        """Hold the message of a failed attempt until the returned function is called; it is not sent meanwhile."""
        claimed = Claimed(
            id=failure.id,
            customer=failure.customer,
            incarnation=failure.incarnation,
            due_at=failure.started_at,
            expires_at=failure.expires_at,
            attempts=failure.attempt - 1,
            generation=failure.generation,
            token=failure.token,
            payload="",
        )
        message = self.add(claimed, 0.0)  # renewed at the next turn
        return lambda: self.forget([message])

    def forget(self, messages: Sequence[ClaimedMessage]) -> None:
        """Let go of messages; one that it took over again meanwhile is still held under its new claim."""
        for message in messages:
            key = message.claimed.id, message.claimed.token
            if self._messages.get(key) is message:
                del self._messages[key]
        if any(message.claimed.limited for message in messages):
            self._on_limit_freed()
        self.update_room()

    def ending_before(self, moment: float) -> list[ClaimedMessage]:
        """The messages whose leases end before that moment (Unix seconds of the database's clock)."""
        return [message for message in self._messages.values() if message.lease_until < moment]

    def update_room(self) -> None:
        """Open or close the Sender's queue: what exceeds the slots of this process is for other processes."""
        has_room = self.slots.ready < self.slots.limit and len(self._messages) < self._most and not self.shortage.pauses
        if has_room is not self._has_room:
            self._has_room = has_room
            (self._backpressure.open if has_room else self._backpressure.close)(Queue.SENDER)


class LeaseRenewal:
    """The service that renews leases, several times within the length of one.

    A message whose claim was lost keeps the end that its lease had: no request starts after it (`skip_reason`).
    """

    name = "lease renewal"

    def __init__(self, *, clock: DatabaseClock, holdings: Holdings, completer: Completer, lease: timedelta) -> None:
        self._clock = clock
        self._holdings = holdings
        self._completer = completer
        self._lease = lease.total_seconds()

    async def wait(self) -> None:
        """Wait a fifth of a lease."""
        await asyncio.sleep(self._lease * (1 - _RENEWAL_SHARE) / 2)

    async def run_once(self) -> None:
        """Renew the leases that end soon; without PostgreSQL they stay as they are, and the next turn comes in time."""
        ending = self._holdings.ending_before(self._clock.now() + self._lease * _RENEWAL_SHARE)
        if not ending:
            return
        with contextlib.suppress(UnavailableError):
            await self._renew(ending)

    async def _renew(self, ending: list[ClaimedMessage]) -> None:
        """Renew those, in halves where one is refused, so that only its own lease runs out."""
        try:
            renewed = await self._completer.renew(ending)
        except psycopg.Error as error:
            if len(ending) == 1:
                log.error("a lease can't be renewed", item=ending[0].claimed.id, error=describe(error))  # noqa: TRY400  no trace needed
                return
            middle = len(ending) // 2
            await self._renew(ending[:middle])
            await self._renew(ending[middle:])
            return
        for message in ending:
            message.lease_until = renewed.get((message.claimed.id, message.claimed.token), message.lease_until)
