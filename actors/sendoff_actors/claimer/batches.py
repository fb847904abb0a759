"""Cuts a claim into the batches that are handed on."""

from collections.abc import Sequence
from uuid import uuid4

from sendoff_actors.handoffs import Batch, Claimed

#: A hand-off carries at most this many messages and about this many bytes of payload, so that Redis stays quick.
BATCH_MESSAGES = 250
BATCH_BYTES = 512 * 1024


def make_batches(messages: Sequence[Claimed], lease_until: float, *, at_least: int, more: bool) -> list[Batch]:
    """The batches of one claim, if possible `at_least` so many; only the last of them says that there is `more`."""
    parts = split(messages, at_least)
    return [Batch(uuid4().hex, lease_until, more and part is parts[-1], part) for part in parts]


def split(messages: Sequence[Claimed], at_least: int = 1) -> list[list[Claimed]]:
    """The messages in their order, in even parts that respect BATCH_MESSAGES and BATCH_BYTES."""
    largest = min(BATCH_MESSAGES, -(-len(messages) // at_least))
    parts: list[list[Claimed]] = []
    size = 0
    for message in messages:
        size += len(message.payload)
        if not parts or size > BATCH_BYTES or len(parts[-1]) >= largest:
            parts.append([])
            size = len(message.payload)
        parts[-1].append(message)
    return parts
