"""Pages of lists: cursors are opaque, and of one list only."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_http.web.pagination import cut_page, decode_cursor, encode_cursor
from sendoff_http.web.problems import ProblemError


@given(st.uuids(), st.integers(-(2**63), 2**63 - 1))
def test_a_cursor_comes_back_as_it_was(message_id: UUID, microseconds: int) -> None:
    text = encode_cursor("m", message_id, microseconds)
    assert decode_cursor("m", text) == (message_id, microseconds)
    assert text.replace("-", "a").replace("_", "a").isalnum()


@given(st.text(max_size=60))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ProblemError) as caught:
        decode_cursor("m", text)
    assert caught.value.status == 422


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(ProblemError):
        decode_cursor("m", encode_cursor("r", UUID(int=1)))


@pytest.mark.parametrize(
    ("rows", "shown", "cursor"), [([], [], None), ([3, 2], [3, 2], None), ([3, 2, 1], [3, 2], "behind 2")]
)
def test_a_page_ends_at_its_limit_and_leads_on_only_if_a_row_was_left(
    rows: list[int], shown: list[int], cursor: str | None
) -> None:
    assert cut_page(rows, 2, lambda row: f"behind {row}") == (shown, cursor)
