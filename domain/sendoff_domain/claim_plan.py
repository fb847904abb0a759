"""How a claim is shared among the customers who have something due, so that nobody's backlog is another's delay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demand:
    """A customer with messages to claim: so many first attempts and so many retries, or more than can be claimed."""

    customer: str
    firsts: int
    retries: int


@dataclass(frozen=True, slots=True)
class Quota:
    """How many first attempts and how many retries of a customer a claim takes at most."""

    customer: str
    firsts: int
    retries: int


def share_claim(demands: Sequence[Demand], room: Mapping[str, int], batch_size: int, turn: int) -> list[Quota]:
    """Share `batch_size` messages evenly: what one customer does not need goes to those who need more (max-min fair).

    `room` is how many messages of a customer may be claimed now, without an entry as many as there are. `turn` counts
    the claims of a process: who has to go without when there are more customers than messages rotates with it.
    """
    wishes = [
        (demand, min(demand.firsts + demand.retries, room.get(demand.customer, batch_size))) for demand in demands
    ]
    wishes = _rotated([wish for wish in wishes if wish[1] > 0], turn)[:batch_size]
    wishes.sort(key=lambda wish: wish[1])
    left, quotas = batch_size, []
    for position, (demand, wish) in enumerate(wishes):
        share = min(wish, left // (len(wishes) - position))
        left -= share
        quotas.append(_split(demand, share, turn))
    return quotas


def _split(demand: Demand, share: int, turn: int) -> Quota:
    """Retries get half of the share at most, if there are first attempts for the rest."""
    retries = min(demand.retries, max((share + turn % 2) // 2, share - demand.firsts))
    return Quota(demand.customer, min(demand.firsts, share - retries), retries)


def _rotated(wishes: list[tuple[Demand, int]], turn: int) -> list[tuple[Demand, int]]:
    start = turn % len(wishes) if wishes else 0
    return wishes[start:] + wishes[:start]
