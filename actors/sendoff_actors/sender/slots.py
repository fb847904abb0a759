"""Who may send next: a bounded number of requests at once, customers in turn, and room for those who are quick."""

from collections import Counter, deque

from sendoff_actors.sender.claimed_message import Held

#: A customer whose message waits longer for a slot is slow, until none of its messages waits any more (seconds).
_PATIENCE = 0.25


class Slots:
    """At most `limit` messages in flight; those that wait are taken customer by customer, each in due order.

    With `several` customers a quarter of the slots is out of reach for each of them, and for all slow ones together, so
    that there is one left for a customer who is quick. Times are `time.monotonic()`.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._share = max(1, limit - max(1, limit // 4))
        self._queues: dict[str, deque[Held]] = {}
        self._turns: deque[str] = deque()
        self._parked: dict[str, None] = {}
        self._flying: Counter[str] = Counter()
        self._slow: set[str] = set()
        self._slow_flying = 0
        self._crowded: set[str] = set()
        self.several = False
        self.in_flight = 0
        self.waiting = 0

    def add(self, held: Held, now: float) -> None:
        """Let a due message wait for its turn."""
        customer = held.claimed.customer
        queue = self._queues.get(customer)
        if queue is None:
            queue = self._queues[customer] = deque()
            self._turns.append(customer)
        held.ready_at = now
        queue.append(held)
        self.waiting += 1

    def take(self) -> Held | None:
        """The next message if a slot is free for its customer; the slot is taken with it."""
        while self.in_flight < self._limit and self._turns:
            customer = self._turns.popleft()
            if not self._may_take(customer):
                self._parked[customer] = None
                continue
            queue = self._queues[customer]
            held = queue.popleft()
            if queue:
                self._turns.append(customer)
            else:
                del self._queues[customer]
            self._fly(customer, 1)
            self.waiting -= 1
            return held
        return None

    def give_back(self, customer: str) -> None:
        """The request of a taken message is over."""
        self._fly(customer, -1)
        if self._parked:
            self._turns.extend(self._freed())

    def settle(self, now: float) -> None:
        """See who is slow; to be called some ten times a second."""
        self._slow = {
            customer
            for customer, queue in self._queues.items()
            if customer in self._slow or now - queue[0].ready_at > _PATIENCE
        }
        self._slow_flying = sum(self._flying[customer] for customer in self._slow)
        # The one who has left the crowd comes back only when its queue is short: claims stop and go on rarely.
        enough = max(4, self._limit // 4)
        self._crowded = {
            customer
            for customer in self._slow
            if len(self._queues[customer]) > (enough // 2 if customer in self._crowded else enough)
        }

    @property
    def crowded(self) -> frozenset[str]:
        """The slow customers of whose messages more than enough wait here."""
        return frozenset(self._crowded)

    @property
    def eager(self) -> int:
        """How many messages wait, those of slow customers left out: they would wait behind any number of slots."""
        if not self._slow:
            return self.waiting
        return self.waiting - sum(len(self._queues.get(customer, ())) for customer in self._slow)

    def withdraw(self, customer: str) -> list[Held]:
        """Take out what waits of one customer."""
        taken = list(self._queues.pop(customer, ()))
        if taken:
            self._parked.pop(customer, None)
            self._turns = deque(each for each in self._turns if each != customer)
            self.waiting -= len(taken)
        return taken

    def clear(self) -> list[Held]:
        """Take out all that wait for a slot."""
        taken = [held for queue in self._queues.values() for held in queue]
        self._queues.clear()
        self._turns.clear()
        self._parked.clear()
        self.waiting = 0
        return taken

    def _may_take(self, customer: str) -> bool:
        if not self.several:
            return True
        if customer in self._slow and self._slow_flying >= self._share:
            return False
        return self._flying[customer] < self._share

    def _freed(self) -> list[str]:
        freed = [customer for customer in self._parked if self._may_take(customer)]
        for customer in freed:
            del self._parked[customer]
        return freed

    def _fly(self, customer: str, change: int) -> None:
        self.in_flight += change
        flying = self._flying[customer] = self._flying[customer] + change
        if not flying:
            del self._flying[customer]
        if customer in self._slow:
            self._slow_flying += change
