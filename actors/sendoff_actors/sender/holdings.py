"""What a process holds: the messages that it took over, their leases, and whether it takes any more."""

from collections.abc import Callable, Sequence

from sendoff_actors.broker import Backpressure
from sendoff_actors.handoffs import Claimed, FailedAttempt, Queue
from sendoff_actors.sender.shortage_watch import ShortageWatch

#: No request starts on a lease that ends sooner than this (seconds); a renewal comes long before.
LEASE_MARGIN = 1.0


class ClaimedMessage:
    """One claimed message, from its arrival in this process until its outcome is recorded or it is given back.

    Its lease is renewed as long as it is held, so `lease_until` (Unix seconds of the database's clock) moves.
    `ready_at` (`time.monotonic()`) is since when it has been waiting for a slot.
    """

    __slots__ = ("claimed", "lease_until", "ready_at")

    def __init__(self, claimed: Claimed, lease_until: float) -> None:
        self.claimed = claimed
        self.lease_until = lease_until
        self.ready_at = 0.0

    def __lt__(self, other: "ClaimedMessage") -> bool:
        return self.claimed.due_at < other.claimed.due_at


class Holdings:
    """The claimed messages of this process, from their arrival until their outcome is recorded or they are given back.

    The Sender's queue is closed by `backpressure` while there is no slot for one more message (`has_slot`), `most` are
    held, or the process pauses for a shortage of its own.
    `on_limit_freed` is called when a message of a customer with a limit of concurrency is held no longer.
    """

    def __init__(
        self,
        *,
        has_slot: Callable[[], bool],
        most: int,
        backpressure: Backpressure,
        shortage: ShortageWatch,
        on_limit_freed: Callable[[], None],
    ) -> None:
        self._has_slot = has_slot
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
        has_room = self._has_slot() and len(self._messages) < self._most and not self.shortage.pauses
        if has_room is not self._has_room:
            self._has_room = has_room
            (self._backpressure.open if has_room else self._backpressure.close)(Queue.SENDER)
