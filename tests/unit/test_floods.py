"""Who floods a stream, and how many can be set apart."""

from sendoff_domain.floods import find_floods


def test_a_group_with_more_than_most_waiting_is_a_flood() -> None:
    assert find_floods({1: 100, 2: 101, 3: 0}, apart=(), most=100, room=16) == [2]


def test_a_group_that_is_apart_already_is_none() -> None:
    assert find_floods({1: 500, 2: 600}, apart={2}, most=100, room=16) == [1]


def test_the_largest_floods_get_what_room_there_is() -> None:
    waiting = {1: 500, 2: 900, 3: 700, 4: 900}
    assert find_floods(waiting, apart={9, 8}, most=100, room=5) == [2, 4, 3]
    assert find_floods(waiting, apart={9, 8}, most=100, room=1) == []
