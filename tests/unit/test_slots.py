"""Who may send next, and whose messages are too many for the slots there are."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sendoff_actors.sender.holdings import ClaimedMessage
from sendoff_actors.sender.slots import Slots
from support.claims import claimed_message

LIMIT = 3


class SlotsMachine(RuleBasedStateMachine):
    """Any order of adding, taking, giving back and clearing."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = Slots(LIMIT)
        self.waiting: dict[str, list[ClaimedMessage]] = {}
        self.taken: list[str] = []

    @rule(customer=st.sampled_from("abc"))
    def add(self, customer: str) -> None:
        message = claimed_message(customer=customer)
        self.slots.add(message, 0.0)
        self.waiting.setdefault(customer, []).append(message)

    @rule()
    def take(self) -> None:
        message = self.slots.take()
        if message is None:
            assert len(self.taken) == LIMIT or not any(self.waiting.values())
            return
        assert self.waiting[message.claimed.customer].pop(0) is message, "each customer's messages keep their order"
        self.taken.append(message.claimed.customer)

    @precondition(lambda self: self.taken)
    @rule()
    def give_back(self) -> None:
        self.slots.give_back(self.taken.pop())

    @rule(now=st.floats(min_value=0, max_value=10))
    def reclassify(self, now: float) -> None:
        self.slots.reclassify(now)

    @rule(customer=st.sampled_from("abc"))
    def withdraw(self, customer: str) -> None:
        assert list(map(id, self.slots.withdraw(customer))) == list(map(id, self.waiting.pop(customer, [])))

    @rule()
    def clear(self) -> None:
        expected = [message for messages in self.waiting.values() for message in messages]
        assert sorted(map(id, self.slots.clear())) == sorted(map(id, expected))
        self.waiting.clear()

    @invariant()
    def all_that_waits_is_counted(self) -> None:
        assert self.slots.waiting == sum(map(len, self.waiting.values()))
        assert 0 <= self.slots.ready <= self.slots.waiting

    @invariant()
    def never_over_the_limit(self) -> None:
        assert self.slots.in_flight == len(self.taken) <= LIMIT


TestSlots = SlotsMachine.TestCase


@given(st.lists(st.sampled_from("abcd"), max_size=50))
def test_every_message_comes_out_once(customers: list[str]) -> None:
    slots = Slots(len(customers))
    messages = [claimed_message(customer=customer) for customer in customers]
    for message in messages:
        slots.add(message, 0.0)
    out = [slots.take() for _ in customers]
    assert sorted(map(id, out)) == sorted(map(id, messages))
    assert slots.take() is None


def test_customers_are_taken_in_turn() -> None:
    slots = Slots(100)
    for customer in "aaaaabc":
        slots.add(claimed_message(customer=customer), 0.0)
    order = [message.claimed.customer for _ in range(7) if (message := slots.take()) is not None]
    assert order == list("abcaaaa")


def test_a_process_without_a_share_sends_nothing() -> None:
    slots = Slots(0)
    slots.add(claimed_message(), 0.0)
    assert slots.take() is None


def fill(slots: Slots, customers: str, now: float = 0.0) -> None:
    """Add a message of each customer, and start as many as may start."""
    for customer in customers:
        slots.add(claimed_message(customer=customer), now)
    while slots.take() is not None:
        pass


def test_one_customer_alone_may_use_every_slot() -> None:
    slots = Slots(8)
    fill(slots, "a" * 10)
    assert slots.in_flight == 8


def test_among_several_customers_none_gets_all_slots() -> None:
    slots = Slots(8)
    slots.has_many_customers = True
    fill(slots, "a" * 10)
    assert slots.in_flight == 6
    fill(slots, "b")
    assert slots.in_flight == 7


def test_a_customer_at_its_share_goes_on_when_one_of_its_requests_is_over() -> None:
    slots = Slots(8)
    slots.has_many_customers = True
    fill(slots, "a" * 10)
    assert slots.take() is None
    slots.give_back("a")
    message = slots.take()
    assert message is not None
    assert message.claimed.customer == "a"


def test_slow_customers_together_leave_slots_to_a_quick_one() -> None:
    slots = Slots(8)
    slots.has_many_customers = True
    fill(slots, "a" * 20 + "b" * 20)
    for customer in "aaaabbbb":  # what was on the wire before anybody knew
        slots.give_back(customer)
    slots.reclassify(1.0)
    fill(slots, "")
    assert slots.in_flight == 6
    fill(slots, "cc", now=1.0)
    assert slots.in_flight == 8


def test_what_waits_of_a_slow_customer_does_not_count_as_ready() -> None:
    slots = Slots(4)
    fill(slots, "a" * 10)
    assert slots.ready == 6
    slots.reclassify(0.1)
    assert slots.ready == 6, "nothing has waited for long yet"
    slots.reclassify(0.3)
    assert (slots.ready, slots.waiting) == (0, 6)


def test_a_customer_is_slow_until_nothing_of_it_waits() -> None:
    slots = Slots(4)
    fill(slots, "a" * 6)
    slots.reclassify(1.0)
    slots.give_back("a")
    fill(slots, "a", now=1.0)
    slots.reclassify(1.1)
    assert slots.ready == 0, "its oldest message has waited for a short time, but its queue was never empty"
    for _ in range(4):
        slots.give_back("a")
    fill(slots, "")
    slots.reclassify(1.2)
    slots.add(claimed_message(customer="a"), 1.2)
    assert slots.ready == 1


def test_saturation_is_told_from_a_few_that_wait_and_ends_later_than_it_begins() -> None:
    slots = Slots(16)
    fill(slots, "a" * (16 + 5))
    slots.reclassify(1.0)
    assert slots.saturated == {"a"}
    slots.give_back("a")
    fill(slots, "")
    slots.reclassify(1.1)
    assert slots.saturated == {"a"}, "four are no new saturation, but still the old one"
    for _ in range(2):
        slots.give_back("a")
    fill(slots, "")
    slots.reclassify(1.2)
    assert slots.saturated == frozenset()
