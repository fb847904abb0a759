"""When to stop calling a webhook that fails, and when to ask it again."""

from datetime import timedelta

from pydantic import Field

from sendoff_domain.durations import PositiveDuration
from sendoff_domain.section import Section


class BreakerPolicy(Section):
    """Opens when `failure_rate` of at least `minimum` requests in one `window` failed.

    While it is open messages are held, which costs them no attempt. The first probe goes out after `first`, each later
    one after twice as long, `max` at most; one that succeeds closes it. `pause_after` so long without a success the
    customer is paused, until somebody resumes it.
    """

    enabled: bool = True
    failure_rate: float = Field(default=0.5, gt=0.0, le=1.0, allow_inf_nan=False)
    minimum: int = Field(default=10, ge=1, le=100_000)
    window: PositiveDuration = timedelta(seconds=30)
    first: PositiveDuration = timedelta(seconds=5)
    max: PositiveDuration = timedelta(minutes=5)
    pause_after: PositiveDuration = timedelta(days=5)
