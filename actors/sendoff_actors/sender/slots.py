"""Who may send next: a bounded number of requests at once, customers in turn."""

from collections import deque

from sendoff_actors.sender.held import Held


class Slots:
    """At most `limit` messages in flight; those that wait are taken customer by customer, each in due order."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._queues: dict[str, deque[Held]] = {}
        self._turns: deque[str] = deque()
        self.in_flight = 0
        self.waiting = 0

    def add(self, held: Held) -> None:
        """Let a due message wait for its turn."""
        customer = held.claimed.customer
        queue = self._queues.get(customer)
        if queue is None:
            queue = self._queues[customer] = deque()
            self._turns.append(customer)
        queue.append(held)
        self.waiting += 1

    def take(self) -> Held | None:
        """The next message if a slot is free; the slot is taken with it."""
        if self.in_flight >= self._limit or not self._turns:
            return None
        customer = self._turns.popleft()
        queue = self._queues[customer]
        held = queue.popleft()
        if queue:
            self._turns.append(customer)
        else:
            del self._queues[customer]
        self.in_flight += 1
        self.waiting -= 1
        return held

    def give_back(self) -> None:
        """The request of a taken message is over."""
        self.in_flight -= 1

    def clear(self) -> list[Held]:
        """Take out all that wait for a slot."""
        taken = [held for queue in self._queues.values() for held in queue]
        self._queues.clear()
        self._turns.clear()
        self.waiting = 0
        return taken
