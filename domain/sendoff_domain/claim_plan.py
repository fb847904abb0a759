"""How a claim is shared among customers with due messages, so that the backlog of one does not delay another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demand:
    """A customer with messages to claim: how many that are due and how many retries, or more than can be claimed."""

    customer: str
    due: int
    retries: int


@dataclass(frozen=True, slots=True)
class Quota:
    """How many due messages and how many retries of a customer a claim takes at most."""

    customer: str
    due: int
    retries: int


def share_claim(
    demands: Sequence[Demand], allowances: Mapping[str, int], *, batch_size: int, rotation: int
) -> list[Quota]:
    """Share `batch_size` messages evenly: what one customer does not need goes to those who need more (max-min fair).

    `allowances` is how many messages of a customer may be claimed now, without an entry as many as there are.
    `rotation` counts the claims of a process: which customers go without, when there are more of them than messages,
    rotates with it.
    """
    wishes = [
        (demand, min(demand.due + demand.retries, allowances.get(demand.customer, batch_size))) for demand in demands
    ]
    wishes = _rotated([wish for wish in wishes if wish[1] > 0], rotation)[:batch_size]
    wishes.sort(key=lambda wish: wish[1])
    left, quotas = batch_size, []
    for position, (demand, wish) in enumerate(wishes):
        share = min(wish, left // (len(wishes) - position))
        left -= share
        quotas.append(_split(demand, share, rotation))
    return quotas


def _split(demand: Demand, share: int, rotation: int) -> Quota:
    """Retries get half of the share at most, if there are due messages for the rest."""
    retries = min(demand.retries, max((share + rotation % 2) // 2, share - demand.due))
    return Quota(demand.customer, min(demand.due, share - retries), retries)


def _rotated(wishes: list[tuple[Demand, int]], rotation: int) -> list[tuple[Demand, int]]:
    start = rotation % len(wishes) if wishes else 0
    return wishes[start:] + wishes[:start]
