"""The merge of states: whatever the buses do to announcements, every process ends with the same."""

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sendoff_control.stall_detector import StallDetector
from sendoff_control.states import AppliedStates
from sendoff_domain.control import ControlState, Desired, merge


def state_of(order: tuple[int, int]) -> ControlState:
    """(epoch, revision) decides the rest, as in PostgreSQL."""
    return ControlState("global", *order, Desired.RUNNING if sum(order) % 2 else Desired.STOPPED)


states = st.tuples(st.integers(1, 3), st.integers(1, 9)).map(state_of)


@given(states, states)
def test_merging_is_commutative(one: ControlState, other: ControlState) -> None:
    assert merge(one, other) == merge(other, one)


@given(states, states, states)
def test_merging_is_associative(one: ControlState, two: ControlState, three: ControlState) -> None:
    assert merge(merge(one, two), three) == merge(one, merge(two, three))


@given(states)
def test_merging_is_idempotent(state: ControlState) -> None:
    assert merge(state, state) == state
    assert merge(None, state) == state


@given(st.lists(states, min_size=1), st.randoms())
def test_announcements_in_any_order_and_number_end_in_the_newest(announced: list[ControlState], random: Random) -> None:
    shuffled = announced * 2
    random.shuffle(shuffled)
    applied = AppliedStates()
    changes = [state for now, state in enumerate(shuffled) if applied.settle(state, float(now))]
    assert applied.get() == max(announced, key=lambda state: state.order)
    assert [change.order for change in changes] == sorted({change.order for change in changes})


def test_nothing_runs_while_nothing_is_known() -> None:
    assert not AppliedStates().is_running("global")
    assert not AppliedStates().is_running("acme")


def test_a_customer_runs_if_neither_everything_nor_the_customer_is_stopped() -> None:
    applied = AppliedStates()
    applied.settle(ControlState("global", 1, 1, Desired.RUNNING), 0)
    assert applied.is_running("acme")
    applied.settle(ControlState("acme", 1, 1, Desired.STOPPED), 1)
    assert (applied.is_running("acme"), applied.is_running("global"), applied.is_running("other")) == (
        False,
        True,
        True,
    )
    applied.settle(ControlState("acme", 1, 2, Desired.RUNNING), 2)
    applied.settle(ControlState("global", 1, 2, Desired.STOPPED), 3)
    assert not applied.is_running("acme")


def state_in(scope: str, order: tuple[int, int], *, stopped: bool) -> ControlState:
    return ControlState(scope, *order, Desired.STOPPED if stopped else Desired.RUNNING)


orders = st.tuples(st.just(1), st.integers(1, 4))
scoped_states = st.builds(state_in, st.sampled_from(["global", "acme", "other"]), orders, stopped=st.booleans())
moves = st.one_of(
    st.tuples(st.just("hear"), scoped_states),
    st.tuples(st.just("settle"), scoped_states),
    st.tuples(st.just("poll"), st.lists(scoped_states, unique_by=lambda state: state.scope)),
)


@given(st.lists(moves, max_size=12))
def test_what_runs_follows_from_the_applied_states_whatever_changed_them(changes: list[tuple[str, Any]]) -> None:
    applied = AppliedStates()
    for now, (move, what) in enumerate(changes, 1):
        match move:
            case "hear":
                applied.hear(what, now)
            case "settle":
                applied.settle(what, now)
            case _:
                applied.apply_poll(what, asked_at=now - 0.5, now=now)
        states = {scope: applied.get(scope) for scope in ("global", "acme", "other")}
        overall = states["global"]
        for scope, own in states.items():
            runs = (overall, own or overall) if overall else ()
            expected = bool(runs) and all(state and state.desired is Desired.RUNNING for state in runs)
            assert applied.is_running(scope) == expected, (scope, move, what)


def test_a_poll_that_began_after_the_last_announcement_counts_even_downward() -> None:
    applied = AppliedStates()
    applied.settle(ControlState("global", 1, 9, Desired.STOPPED), 10)
    applied.settle(ControlState("acme", 1, 1, Desired.STOPPED), 10)
    older = ControlState("global", 1, 3, Desired.RUNNING)
    changed = applied.apply_poll([older], asked_at=11, now=12)
    assert changed == [older, ControlState("acme", 1, 0, Desired.RUNNING)]
    assert applied.is_running("acme")


def test_a_poll_that_began_before_the_last_announcement_only_adds() -> None:
    applied = AppliedStates()
    state = ControlState("global", 1, 9, Desired.STOPPED)
    applied.settle(state, 10)
    assert applied.apply_poll([ControlState("global", 1, 8, Desired.RUNNING)], asked_at=10, now=12) == []
    assert applied.apply_poll([], asked_at=10, now=12) == []
    assert applied.get() == state


def test_after_a_pause_the_revision_from_before_it_must_still_hold() -> None:
    applied = AppliedStates()
    stall_detector = StallDetector(applied, now=0)
    applied.settle(ControlState("global", 1, 5, Desired.RUNNING), 0)
    for at in (0.5, 1.0, 1.5):
        stall_detector.look(at)
    assert stall_detector.expected_revision("global", 1.9) is None
    applied.settle(ControlState("global", 1, 7, Desired.RUNNING), 60)
    assert stall_detector.expected_revision("global", 60) == 5
    stall_detector.look(60)
    stall_detector.look(60.5)
    assert stall_detector.expected_revision("global", 60.6) == 5
    stall_detector.look(61)
    assert stall_detector.expected_revision("global", 61.1) is None
    stall_detector.look(61.5)
    assert stall_detector.expected_revision("global", 90) == 7
