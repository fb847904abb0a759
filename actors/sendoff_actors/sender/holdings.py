"""What a process holds: the messages that it has claimed, and whether it takes any more."""

from collections.abc import Callable, Sequence

from sendoff_actors.backpressure import Backpressure
from sendoff_actors.handoffs import Claimed, Queue
from sendoff_actors.sender.claimed_message import ClaimedMessage
from sendoff_actors.sender.slots import Slots


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
        """Let go of messages; one that was claimed anew by this process meanwhile is still held under its new claim."""
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
