"""Gives the messages of customers with a rate their moments, one shared row of slots for the whole fleet."""

from collections.abc import Mapping, Sequence

import msgspec

from sendoff_actors.handoffs import Claimed
from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.limits import spread


async def pace(connection: Connection, claimed: Sequence[Claimed], spacings: Mapping[str, float]) -> list[Claimed]:
    """The messages, those of customers in `spacings` due at their slots, which are taken with the claim's commit."""
    paced = sorted({message.customer for message in claimed} & spacings.keys())
    if not paced:
        return list(claimed)
    cursor = await connection.execute(read_statement(__package__, "lock_slots"), {"customers": paced})
    slots: dict[str, float] = dict(await cursor.fetchall())
    moved = [message for message in claimed if message.customer not in slots]
    for customer in paced:
        own = [message for message in claimed if message.customer == customer]
        starts = spread([message.due_at for message in own], slots[customer], spacings[customer])
        moved += [msgspec.structs.replace(each, due_at=start) for each, start in zip(own, starts, strict=True)]
        slots[customer] = starts[-1] + spacings[customer]
    values = {"customers": paced, "slots": [slots[customer] for customer in paced]}
    await connection.execute(read_statement(__package__, "write_slots"), values)
    return moved
