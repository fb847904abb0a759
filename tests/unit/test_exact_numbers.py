"""Every number of a content is stored as the number that was sent, on both ways, and shown as it is stored."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sendoff_domain.webhook_request import read_payload, render_payload
from sendoff_intake.submission import Submission
from sendoff_intake.submission_reader import SubmissionReader

DIGITS = st.text("0123456789", min_size=1, max_size=40)


@st.composite
def number_texts(draw: st.DrawFn) -> str:
    """Any number that JSON can write and a double can reach."""
    whole = draw(DIGITS).lstrip("0") or "0"
    fraction = draw(st.none() | DIGITS)
    exponent = draw(st.none() | st.integers(-500, 250))
    sign = draw(st.sampled_from(["", "-"]))
    return f"{sign}{whole}{'' if fraction is None else '.' + fraction}{'' if exponent is None else f'e{exponent}'}"


def exact(text: str | bytes) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


@given(number_texts())
@example("12345678901234567.89")
@example("1e-400")
@example("0.10000000000000001")
@example("123456789012345678901234567890")
def test_what_is_stored_equals_what_was_sent(text: str) -> None:
    body = f'{{"to":"a","content":[{text},{{"x":{text}}}]}}'.encode()
    reader = SubmissionReader(lambda: 0.0)
    for read in (reader.read_plain(body, "key"), reader.read_any(body, "key", named="body")):
        assert isinstance(read, Submission)
        assert exact(read.payload)["content"] == exact(body)["content"]
        content, metadata = read_payload(read.payload)
        shown = render_payload("msg_" + read.hex_id, "a", content, metadata)
        assert shown == read.payload


def test_an_exponent_beyond_every_reader_is_kept() -> None:
    read = SubmissionReader(lambda: 0.0).read(b'{"to":"a","content":1e-99999999999999999999}')
    assert isinstance(read, Submission)
    assert b'"content":1e-99999999999999999999,' in read.payload


def test_numbers_that_differ_beyond_a_double_are_two_bodies_of_one_key() -> None:
    reader = SubmissionReader(lambda: 0.0)
    bodies = [b'{"to":"a","content":12345678901234567.%d}' % fraction for fraction in (88, 89)]
    first, second = (reader.read(body, "key") for body in bodies)
    assert isinstance(first, Submission)
    assert isinstance(second, Submission)
    assert first.body_hash != second.body_hash


@pytest.mark.parametrize("text", ["1e400", "-1e400", "1" * 400 + ".0"])
def test_a_number_beyond_every_double_is_refused(text: str) -> None:
    reader = SubmissionReader(lambda: 0.0)
    assert not isinstance(reader.read(f'{{"to":"a","content":{text}}}'.encode()), Submission)


def test_a_strategy_of_its_own_may_have_a_long_number() -> None:
    body = b'{"to":"a","content":1,"retry":{"attempts":3,"jitter":0.10000000000000001}}'
    assert isinstance(SubmissionReader(lambda: 0.0).read(body), Submission)
