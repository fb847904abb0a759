"""What a process holds: the messages that it took over, their leases, and whether it takes any more."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

from sendoff_actors.broker import Backpressure
from sendoff_actors.handoffs import Claimed, Queue
from sendoff_actors.sender.claimed_message import ClaimedMessage
from sendoff_actors.sender.completer import Completer
from sendoff_actors.sender.slots import Slots
from sendoff_db.clock import DatabaseClock
from sendoff_domain.errors import UnavailableError

#: A lease is renewed when less than this part of it is left.
_RENEWAL_SHARE = 0.6


class Holdings:
    """The claimed messages of this process, from their arrival until their outcome is recorded or they are given back.

    The Sender's queue is closed by `backpressure` while no slot is left for one more message, or `most` are held.
    `on_limit_freed` is called when a message of a customer with a limit of concurrency is held no longer.
    """

    def __init__(
        self, *, slots: Slots, most: int, backpressure: Backpressure, on_limit_freed: Callable[[], None]
    ) -> None:
        self._slots = slots
        self._most = most
        self._backpressure = backpressure
        self._on_limit_freed = on_limit_freed
        self._messages: dict[str, ClaimedMessage] = {}
        self._has_room = False
        backpressure.close(Queue.SENDER)
        self.update_room()

    def __len__(self) -> int:
        return len(self._messages)

    def is_empty(self) -> bool:
        """Whether this process holds nothing."""
        return not self._messages

    def customers(self) -> set[str]:
        """Whose messages are held."""
        return {message.claimed.customer for message in self._messages.values()}

    def add(self, claimed: Claimed, lease_until: float) -> ClaimedMessage:
        """Hold one message until `forget`; `update_room` is to be called after the last one of a batch."""
        message = ClaimedMessage(claimed, lease_until)
        self._messages[claimed.id] = message
        return message

    def forget(self, messages: Sequence[ClaimedMessage]) -> None:
        """Let go of messages; one that it took over again meanwhile is still held under its new claim."""
        for message in messages:
            if self._messages.get(message.claimed.id) is message:
                del self._messages[message.claimed.id]
        if any(message.claimed.limited for message in messages):
            self._on_limit_freed()
        self.update_room()

    def ending_before(self, moment: float) -> list[ClaimedMessage]:
        """The messages whose leases end before that moment (Unix seconds of the database's clock)."""
        return [message for message in self._messages.values() if message.lease_until < moment]

    def update_room(self) -> None:
        """Open or close the Sender's queue: what exceeds the slots of this process is for other processes."""
        has_room = self._slots.ready < self._slots.limit and len(self._messages) < self._most
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
        try:
            renewed = await self._completer.renew(ending)
        except UnavailableError:
            return
        for message in ending:
            message.lease_until = renewed.get(message.claimed.id, message.lease_until)
