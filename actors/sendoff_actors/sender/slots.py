"""Who may send next: a bounded number of requests at once, customers in turn, and slots left for quick ones."""

from collections import Counter, deque

from sendoff_actors.sender.holdings import ClaimedMessage

#: A customer whose message waits longer for a slot is slow, until none of its messages waits any more (seconds).
_PATIENCE = 0.25


class Slots:
    """At most `limit` messages in flight; those that wait are taken customer by customer, each in due order.

    With `has_many_customers` a quarter of the slots is out of reach for each customer, and for all slow ones together,
    so that there is one left for a customer that is quick. Times are `time.monotonic()`.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._share = max(1, limit - max(1, limit // 4))
        self._queues: dict[str, deque[ClaimedMessage]] = {}
        self._rotation: deque[str] = deque()
        self._waiting_for_share: dict[str, None] = {}
        self._in_flight_of: Counter[str] = Counter()
        self._slow: set[str] = set()
        self._slow_in_flight = 0
        self._saturated: set[str] = set()
        self.has_many_customers = False
        self.in_flight = 0
        self.waiting = 0

    def add(self, message: ClaimedMessage, now: float) -> None:
        """Let a due message wait for its turn."""
        customer = message.claimed.customer
        queue = self._queues.get(customer)
        if queue is None:
            queue = self._queues[customer] = deque()
            self._rotation.append(customer)
        message.ready_at = now
        queue.append(message)
        self.waiting += 1

    def take(self) -> ClaimedMessage | None:
        """The next message if a slot is free for its customer; the slot is taken with it."""
        while self.in_flight < self.limit and self._rotation:
            customer = self._rotation.popleft()
            if not self._may_take(customer):
                self._waiting_for_share[customer] = None
                continue
            queue = self._queues[customer]
            message = queue.popleft()
            if queue:
                self._rotation.append(customer)
            else:
                del self._queues[customer]
            self._count_in_flight(customer, 1)
            self.waiting -= 1
            return message
        return None

    def give_back(self, customer: str) -> None:
        """Free the slot of a taken message, whose request is over."""
        self._count_in_flight(customer, -1)
        if self._waiting_for_share:
            self._rotation.extend(self._freed())

    def reclassify(self, now: float) -> None:
        """Tell the slow customers from the quick ones; to be called some ten times a second."""
        self._slow = {
            customer
            for customer, queue in self._queues.items()
            if customer in self._slow or now - queue[0].ready_at > _PATIENCE
        }
        self._slow_in_flight = sum(self._in_flight_of[customer] for customer in self._slow)
        # Saturation begins at more messages than it ends at, so that claims of a customer stop and go on rarely.
        enough = max(4, self.limit // 4)
        self._saturated = {
            customer
            for customer in self._slow
            if len(self._queues[customer]) > (enough // 2 if customer in self._saturated else enough)
        }

    @property
    def saturated(self) -> frozenset[str]:
        """The slow customers of which more messages wait here than is good."""
        return frozenset(self._saturated)

    @property
    def ready(self) -> int:
        """How many messages wait for a slot; those of slow customers would wait behind any number and do not count."""
        if not self._slow:
            return self.waiting
        return self.waiting - sum(len(self._queues.get(customer, ())) for customer in self._slow)

    def has_one_left(self) -> bool:
        """Whether one more message would soon have a slot."""
        return self.ready < self.limit

    def withdraw(self, customer: str) -> list[ClaimedMessage]:
        """Take out the waiting messages of one customer."""
        taken = list(self._queues.pop(customer, ()))
        if taken:
            self._waiting_for_share.pop(customer, None)
            self._rotation = deque(each for each in self._rotation if each != customer)
            self.waiting -= len(taken)
        return taken

    def clear(self) -> list[ClaimedMessage]:
        """Take out every message that waits for a slot."""
        taken = [message for queue in self._queues.values() for message in queue]
        self._queues.clear()
        self._rotation.clear()
        self._waiting_for_share.clear()
        self.waiting = 0
        return taken

    def _may_take(self, customer: str) -> bool:
        if not self.has_many_customers:
            return True
        if customer in self._slow and self._slow_in_flight >= self._share:
            return False
        return self._in_flight_of[customer] < self._share

    def _freed(self) -> list[str]:
        freed = [customer for customer in self._waiting_for_share if self._may_take(customer)]
        for customer in freed:
            del self._waiting_for_share[customer]
        return freed

    def _count_in_flight(self, customer: str, change: int) -> None:
        self.in_flight += change
        now = self._in_flight_of[customer] = self._in_flight_of[customer] + change
        if not now:
            del self._in_flight_of[customer]
        if customer in self._slow:
            self._slow_in_flight += change
