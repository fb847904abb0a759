"""Who may send next."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sendoff_actors.sender.held import Held
from sendoff_actors.sender.slots import Slots
from support.claims import held

LIMIT = 3


class SlotsMachine(RuleBasedStateMachine):
    """Any order of adding, taking, giving back and clearing."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = Slots(LIMIT)
        self.waiting: dict[str, list[Held]] = {}
        self.taken = 0

    @rule(customer=st.sampled_from("abc"))
    def add(self, customer: str) -> None:
        message = held(customer=customer)
        self.slots.add(message)
        self.waiting.setdefault(customer, []).append(message)

    @rule()
    def take(self) -> None:
        message = self.slots.take()
        if message is None:
            assert self.taken == LIMIT or not any(self.waiting.values())
            return
        assert self.waiting[message.claimed.customer].pop(0) is message, "each customer's messages keep their order"
        self.taken += 1

    @precondition(lambda self: self.taken)
    @rule()
    def give_back(self) -> None:
        self.slots.give_back()
        self.taken -= 1

    @rule()
    def clear(self) -> None:
        expected = [message for messages in self.waiting.values() for message in messages]
        assert sorted(map(id, self.slots.clear())) == sorted(map(id, expected))
        self.waiting.clear()

    @invariant()
    def never_over_the_limit(self) -> None:
        assert self.slots.in_flight == self.taken <= LIMIT


TestSlots = SlotsMachine.TestCase


@given(st.lists(st.sampled_from("abcd"), max_size=50))
def test_every_message_comes_out_once(customers: list[str]) -> None:
    slots = Slots(len(customers))
    messages = [held(customer=customer) for customer in customers]
    for message in messages:
        slots.add(message)
    out = [slots.take() for _ in customers]
    assert sorted(map(id, out)) == sorted(map(id, messages))
    assert slots.take() is None


def test_customers_are_taken_in_turn() -> None:
    slots = Slots(100)
    for customer in "aaaaabc":
        slots.add(held(customer=customer))
    order = [message.claimed.customer for _ in range(7) if (message := slots.take()) is not None]
    assert order == list("abcaaaa")


def test_a_process_without_a_share_sends_nothing() -> None:
    slots = Slots(0)
    slots.add(held())
    assert slots.take() is None
