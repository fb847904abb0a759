"""How fast and how wide one customer may be called, by the whole fleet together."""

from datetime import timedelta

from pydantic import Field, model_validator

from sendoff_domain.durations import PositiveDuration
from sendoff_domain.section import Section

#: Slots are so much further apart than the limit asks for, so that a request that starts a little late does not make
#: one too many of its second.
MARGIN = 1.04


class Limits(Section):
    """At most `rate` requests per `per`, evenly spread, and at most `concurrency` at once; none without a number."""

    rate: int | None = Field(default=None, ge=1, le=100_000)
    per: PositiveDuration = timedelta(seconds=1)
    concurrency: int | None = Field(default=None, ge=1, le=100_000)

    @model_validator(mode="after")
    def _in_reach(self) -> "Limits":
        if not timedelta(milliseconds=1) <= self.per <= timedelta(days=7):
            raise ValueError("expected per between 1ms and 7d")
        return self

    @property
    def spacing(self) -> timedelta | None:
        """How far apart two requests start, or None without a rate."""
        return None if self.rate is None else self.per / self.rate * MARGIN
