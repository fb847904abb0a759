"""How a claim is shared among customers."""

from hypothesis import given
from hypothesis import strategies as st

from sendoff_domain.claim_plan import Demand, Quota, share_claim

demands = st.lists(
    st.builds(
        Demand,
        customer=st.text("abcdefgh", min_size=1, max_size=3),
        due=st.integers(0, 50),
        retries=st.integers(0, 50),
    ),
    max_size=12,
    unique_by=lambda demand: demand.customer,
)
rooms = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.integers(0, 30), max_size=12)


def taken(quotas: list[Quota]) -> dict[str, int]:
    return {quota.customer: quota.due + quota.retries for quota in quotas}


def test_a_backlog_takes_what_the_others_leave() -> None:
    few = [Demand(f"few-{number}", 1, 0) for number in range(19)]
    shared = taken(share_claim([Demand("many", 500, 0), *few], {}, batch_size=500, rotation=0))
    assert shared == {"many": 481} | {demand.customer: 1 for demand in few}


def test_those_who_want_more_get_equal_parts() -> None:
    shared = taken(
        share_claim([Demand("a", 100, 0), Demand("b", 100, 0), Demand("c", 4, 0)], {}, batch_size=100, rotation=0)
    )
    assert shared == {"a": 48, "b": 48, "c": 4}


def test_who_has_no_room_gets_nothing_and_costs_the_others_nothing() -> None:
    shared = taken(
        share_claim([Demand("paused", 100, 0), Demand("b", 100, 0)], {"paused": 0}, batch_size=50, rotation=0)
    )
    assert shared == {"b": 50}


def test_room_bounds_what_a_customer_gets() -> None:
    assert taken(share_claim([Demand("a", 100, 100)], {"a": 7}, batch_size=50, rotation=0)) == {"a": 7}


def test_retries_leave_half_to_first_attempts() -> None:
    assert share_claim([Demand("a", 100, 100)], {}, batch_size=100, rotation=0) == [Quota("a", 50, 50)]


def test_retries_take_what_first_attempts_do_not_need() -> None:
    assert share_claim([Demand("a", 3, 100)], {}, batch_size=100, rotation=0) == [Quota("a", 3, 97)]
    assert share_claim([Demand("a", 100, 3)], {}, batch_size=100, rotation=0) == [Quota("a", 97, 3)]


def test_one_at_a_time_first_attempts_and_retries_take_turns() -> None:
    quotas = [share_claim([Demand("a", 9, 9)], {}, batch_size=1, rotation=rotation)[0] for rotation in range(4)]
    assert [quota.retries for quota in quotas] == [0, 1, 0, 1]


def test_with_more_customers_than_messages_each_comes_to_its_turn() -> None:
    waiting = [Demand(customer, 9, 0) for customer in "abcde"]
    served = [set(taken(share_claim(waiting, {}, batch_size=2, rotation=rotation))) for rotation in range(5)]
    assert all(len(each) == 2 for each in served)
    assert set().union(*served) == set("abcde")


@given(demands, rooms, st.integers(1, 60), st.integers(0, 1000))
def test_a_claim_is_as_full_as_it_can_be_and_never_fuller(
    waiting: list[Demand], allowances: dict[str, int], batch_size: int, rotation: int
) -> None:
    shared = share_claim(waiting, allowances, batch_size=batch_size, rotation=rotation)
    by_customer = {demand.customer: demand for demand in waiting}
    for quota in shared:
        demand = by_customer[quota.customer]
        assert 0 <= quota.due <= demand.due
        assert 0 <= quota.retries <= demand.retries
        assert quota.due + quota.retries <= allowances.get(quota.customer, batch_size)
    possible = sum(min(d.due + d.retries, allowances.get(d.customer, batch_size)) for d in waiting)
    assert sum(taken(shared).values()) == min(batch_size, possible)
