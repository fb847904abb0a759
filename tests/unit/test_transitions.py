"""Which moves a message can make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_domain.message import TRANSITIONS, Status, can_move

FINAL = {Status.SENT, Status.DEAD, Status.CANCELLED}


def test_every_state_says_where_it_leads() -> None:
    assert set(TRANSITIONS) == set(Status)


@pytest.mark.parametrize("status", sorted(FINAL))
def test_a_final_state_is_left_only_by_a_resend(status: Status) -> None:
    assert TRANSITIONS[status] == {Status.SCHEDULED}


def test_only_a_message_that_is_being_sent_becomes_sent() -> None:
    assert {status for status in Status if can_move(status, Status.SENT)} == {Status.SENDING}


def test_a_message_that_is_being_sent_can_not_be_cancelled() -> None:
    assert not can_move(Status.SENDING, Status.CANCELLED)


def test_what_waits_can_be_cancelled() -> None:
    assert {status for status in Status if can_move(status, Status.CANCELLED)} == {Status.SCHEDULED, Status.RETRYING}


@given(st.lists(st.sampled_from(Status), max_size=30))
def test_no_path_reaches_sent_twice_without_a_resend(wishes: list[Status]) -> None:
    """Follow those wishes that are allowed: between two arrivals at `sent` lies a new generation."""
    place, since_resend = Status.SCHEDULED, 0
    for wish in wishes:
        if not can_move(place, wish):
            continue
        since_resend = 0 if place in FINAL else since_resend + (wish is Status.SENT)
        place = wish
        assert since_resend <= 1


def test_every_state_can_still_be_delivered() -> None:
    reaching = {Status.SENT}
    for _ in Status:
        reaching |= {status for status in Status if TRANSITIONS[status] & reaching}
    assert reaching == set(Status)
