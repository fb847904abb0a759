"""When to stop calling a webhook that fails, and when to ask it again."""

from datetime import timedelta

from pydantic import Field

from sendoff_domain.document_model import PolicyModel
from sendoff_domain.outcome import Delivered, ErrorClass, Outcome
from sendoff_domain.times import PositiveDuration

#: A webhook that answers with one of these can't serve any message now; with any other 4xx it refuses this one message.
_OVERLOADED = frozenset({408, 425, 429})
_GONE = 410
_NOT_ITS_FAULT = frozenset({ErrorClass.CUSTOMER_GONE, ErrorClass.INTERRUPTED})


class BreakerPolicy(PolicyModel):
    """Opens when the share `failure_rate` of at least `minimum` requests failed lately, within about a `window`.

    While it is open messages are held, which costs them no attempt. The first probe goes out after `first`, each later
    one after twice as long, `max` at most; one that succeeds closes it. `pause_after` so long without a success the
    customer is paused, until it is resumed.
    """

    enabled: bool = True
    failure_rate: float = Field(default=0.5, gt=0.0, le=1.0, allow_inf_nan=False)
    minimum: int = Field(default=10, ge=1, le=100_000)
    window: PositiveDuration = timedelta(seconds=10)
    first: PositiveDuration = timedelta(seconds=5)
    max: PositiveDuration = timedelta(minutes=5)
    pause_after: PositiveDuration = timedelta(days=5)


def counts_against(outcome: Outcome) -> bool:
    """Whether an outcome says that the webhook is in trouble, and not only that it does not want this message."""
    if isinstance(outcome, Delivered) or says_nothing(outcome):
        return False
    if outcome.error_class is not ErrorClass.STATUS or outcome.status_code is None:
        return True
    return outcome.status_code >= 500 or outcome.status_code in _OVERLOADED


def says_nothing(outcome: Outcome) -> bool:
    """Whether an outcome tells neither good nor bad of the webhook, since none was asked or it was not waited for."""
    return not isinstance(outcome, Delivered) and outcome.error_class in _NOT_ITS_FAULT


def is_gone(outcome: Outcome) -> bool:
    """Whether the webhook says that it is gone for good (410), which pauses its customer."""
    return not isinstance(outcome, Delivered) and outcome.status_code == _GONE


def opens(policy: BreakerPolicy, successes: float, failures: float) -> bool:
    """Whether a closed breaker opens with these counts, in which older outcomes weigh less."""
    total = successes + failures
    return policy.enabled and total >= policy.minimum and failures >= policy.failure_rate * total


def next_probe(policy: BreakerPolicy, trips: int) -> timedelta:
    """How long an open breaker waits before the next probe, after `trips` probes that failed."""
    ceiling = policy.max.total_seconds()
    return timedelta(seconds=min(ceiling, policy.first.total_seconds() * 2.0 ** min(trips, 60)))
