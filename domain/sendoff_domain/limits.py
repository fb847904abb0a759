"""How fast and how wide one customer may be called, by the whole fleet together, and how much of it may wait."""

import math
from collections.abc import Sequence
from datetime import timedelta

from pydantic import Field, model_validator

from sendoff_domain.document_model import PolicyModel
from sendoff_domain.times import PositiveDuration

#: Slots are so much further apart than the limit asks for, so that a request that starts a little late does not make
#: one too many of its second.
_MARGIN = 1.04
#: A slow rate gives one slot at a time; this keeps a fast one from filling a whole claim with messages that only wait.
_MOST_SLOTS = 10_000


class Limits(PolicyModel):
    """At most `rate` requests per `per`, evenly spread, `concurrency` at once, and `backlog` messages that wait.

    Without a number there is no such limit.
    """

    rate: int | None = Field(default=None, ge=1, le=100_000)
    per: PositiveDuration = timedelta(seconds=1)
    concurrency: int | None = Field(default=None, ge=1, le=100_000)
    backlog: int | None = Field(default=None, ge=1, le=10_000_000)

    @model_validator(mode="after")
    def _in_reach(self) -> "Limits":
        if not timedelta(milliseconds=1) <= self.per <= timedelta(days=7):
            raise ValueError("expected per between 1ms and 7d")
        return self


def spacing(rate: int, per: timedelta) -> float:
    """How far apart two requests start (seconds), so that no window of `per` sees more than `rate` of them."""
    return per.total_seconds() / rate * _MARGIN


def slots_ahead(*, next_slot: float, now: float, ahead: float, space: float) -> int:
    """How many slots there are from `now` until `ahead` seconds later, the first of them at `next_slot`."""
    first = max(next_slot, now)
    if first > now + ahead:
        return 0
    return min(_MOST_SLOTS, 1 + math.floor((now + ahead - first) / space))


def spread(due: Sequence[float], next_slot: float, space: float) -> list[float]:
    """When each of these messages starts: not before it is due, and `space` seconds after the one before at least.

    `due` is in order; the slot after the last one is `space` later. All times are Unix seconds.
    """
    starts = []
    for moment in due:
        start = max(moment, next_slot)
        starts.append(start)
        next_slot = start + space
    return starts
