"""How an instance's limits are shared among its processes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_config.process_index import ProcessIndex, parse_process_index


@given(st.integers(0, 100_000), st.integers(1, 256))
def test_the_parts_add_up_to_the_limit(total: int, count: int) -> None:
    parts = [ProcessIndex(index, count).share(total) for index in range(count)]
    assert sum(parts) == total
    assert max(parts) - min(parts) <= 1
    assert min(parts) >= 0


def test_a_limit_of_two_leaves_two_of_three_processes_with_one() -> None:
    assert [ProcessIndex(index, 3).share(2) for index in range(3)] == [1, 1, 0]


@given(st.integers(0, 255), st.integers(1, 256))
def test_a_process_index_is_read_if_it_exists(index: int, count: int) -> None:
    if index < count:
        assert parse_process_index(f"{index}/{count}") == ProcessIndex(index, count)
    else:
        with pytest.raises(ValueError, match="expected index/count such as 0/2"):
            parse_process_index(f"{index}/{count}")


@pytest.mark.parametrize("text", ["", "1", "/", "0/0", "2/2", "-1/2", "0/2/3", "a/b", " 0/2", "²/3"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected index/count such as 0/2"):
        parse_process_index(text)
