"""Pages of lists: cursors are opaque, and of one list only."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_http.web.pagination import decode_cursor, encode_cursor
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
