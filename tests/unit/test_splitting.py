"""How the Claimer cuts a claim into hand-offs."""

from hypothesis import given
from hypothesis import strategies as st

from sendoff_actors.handoffs import BATCH_BYTES, BATCH_MESSAGES, split
from support.claims import claimed

sizes = st.lists(st.sampled_from([0, 1, 100, BATCH_BYTES // 3, BATCH_BYTES, BATCH_BYTES + 1]), max_size=40)


@given(sizes)
def test_every_message_is_in_one_part_and_in_order(lengths: list[int]) -> None:
    messages = [claimed(token=number, payload="x" * length) for number, length in enumerate(lengths)]
    assert [message for part in split(messages) for message in part] == messages


@given(sizes)
def test_no_part_is_empty_or_too_heavy(lengths: list[int]) -> None:
    for part in split([claimed(payload="x" * length) for length in lengths]):
        assert part
        assert len(part) == 1 or sum(len(message.payload) for message in part) <= BATCH_BYTES


def test_a_part_holds_a_bounded_number_of_messages() -> None:
    parts = split([claimed(payload="")] * (2 * BATCH_MESSAGES + 1))
    assert [len(part) for part in parts] == [BATCH_MESSAGES, BATCH_MESSAGES, 1]


def test_nothing_claimed_is_no_part() -> None:
    assert split([]) == []
