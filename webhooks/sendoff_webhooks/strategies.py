"""Which retry strategy counts for a message: the Sender and the Retrier have to agree on it."""

from functools import lru_cache

import structlog

from sendoff_domain.backoff import RetryStrategy
from sendoff_webhooks.customer import Customer

log = structlog.get_logger("sendoff.strategies")


def strategy_of(own: str | None, customer: Customer | None) -> RetryStrategy:
    """The message's own strategy (JSON text), if it has one that can be read, or else its customer's of this moment."""
    strategy = None if own is None else _read(own)
    if strategy is not None:
        return strategy
    return RetryStrategy() if customer is None else customer.retry


def has_attempt_left(own: str | None, attempts_made: int, customer: Customer | None) -> bool:
    """Whether the message may be sent once more; there always is a first attempt."""
    return attempts_made == 0 or attempts_made < strategy_of(own, customer).total_attempts


@lru_cache(maxsize=256)  # messages that come together are often alike
def _read(text: str) -> RetryStrategy | None:
    try:
        return RetryStrategy.model_validate_json(text)
    except ValueError as error:  # another version of Sendoff has written it; the message must not suffer
        log.warning(
            "a message's retry strategy can't be read, its customer's counts", retry=text[:200], error=str(error)
        )
        return None
