"""What holds customers back: a pause, a crowd, an open breaker, a rate, a limit of concurrency."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, LiteralString

from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.limits import slots_ahead, spacing

#: A probe that has brought no outcome after this is lost.
_PATIENCE = timedelta(seconds=60)


@dataclass(slots=True)
class ClaimLimits:
    """How many messages of a customer may be claimed (`allowances`), and what has to be done about those that are.

    `spacings` is how far apart the requests of a customer with a rate start (seconds); `limited` are those with a
    limit of concurrency; the message of one in `probes` tries out whether its webhook works again.
    """

    allowances: dict[str, int] = field(default_factory=dict)
    spacings: dict[str, float] = field(default_factory=dict)
    limited: set[str] = field(default_factory=set)
    probes: set[str] = field(default_factory=set)


async def read_claim_limits(connection: Connection, customers: Sequence[str], ahead: float) -> ClaimLimits:
    """What holds back those customers; a rate leaves room for the slots of the next `ahead` seconds."""
    found, concurrency = ClaimLimits(), {}
    for row in await _fetch(connection, "read_claim_limits", {"customers": list(customers)}):
        customer, shut, is_open, may_probe, rate, period_ms, slot_in, concurrent = row
        room = []
        if shut or (is_open and not (may_probe and await _takes_probe(connection, customer))):
            found.allowances[customer] = 0
            continue
        if is_open:
            found.probes.add(customer)
            room.append(1)
        if rate is not None:
            space = found.spacings[customer] = spacing(rate, timedelta(milliseconds=period_ms))
            room.append(slots_ahead(slot_in or 0.0, 0.0, ahead, space))
        if concurrent is not None:
            concurrency[customer] = concurrent
        if room:
            found.allowances[customer] = min(room)
    await _count(connection, concurrency, found)
    return found


async def _takes_probe(connection: Connection, customer: str) -> bool:
    return bool(await _fetch(connection, "take_probe", {"customer": customer, "patience": _PATIENCE}))


async def _count(connection: Connection, concurrency: dict[str, int], found: ClaimLimits) -> None:
    """The room that is left of each limit of concurrency; none while another claim is about to use it."""
    if not concurrency:
        return
    locked = {row[0] for row in await _fetch(connection, "lock_counted", {"customers": sorted(concurrency)})}
    claimed = dict(await _fetch(connection, "count_claimed", {"customers": sorted(locked)}))
    for customer, most in concurrency.items():
        left = max(0, most - claimed[customer]) if customer in locked else 0
        found.allowances[customer] = min(left, found.allowances.get(customer, left))
        found.limited.add(customer)


async def _fetch(connection: Connection, statement: LiteralString, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(read_statement(__package__, statement), values)
    return await cursor.fetchall()
