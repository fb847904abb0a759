"""Spaces out the messages of customers with a rate: each gets the next free slot, which the whole fleet shares."""

from collections.abc import Mapping

import msgspec

from sendoff_actors.handoffs import Claimed
from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all, run
from sendoff_domain.limits import spread


async def pace(connection: Connection, claimed: list[Claimed], spacings: Mapping[str, float]) -> list[Claimed]:
    """The messages, those of customers in `spacings` due at their slots, which are taken with the claim's commit.

    `spacings` is how far apart the requests of a customer start (seconds).
    """
    paced = sorted({message.customer for message in claimed} & spacings.keys()) if spacings else []
    if not paced:
        return claimed
    slots: dict[str, float] = dict(await fetch_all(connection, __package__, "lock_slots", {"customers": paced}))
    moved = [message for message in claimed if message.customer not in slots]
    for customer in paced:
        own = [message for message in claimed if message.customer == customer]
        starts = spread([message.due_at for message in own], slots[customer], spacings[customer])
        moved += [msgspec.structs.replace(each, due_at=start) for each, start in zip(own, starts, strict=True)]
        slots[customer] = starts[-1] + spacings[customer]
    values = {"customers": paced, "slots": [slots[customer] for customer in paced]}
    await run(connection, __package__, "write_slots", values)
    return moved
