"""When to try again: exponential backoff with jitter, or a list of waits, and the receiver's own hint."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from sendoff_domain.document_model import PolicyModel
from sendoff_domain.presets import PRESETS, preset
from sendoff_domain.times import PositiveDuration

#: A receiver's Retry-After is followed up to here, so that no customer can park a message for months.
LONGEST_HINT = timedelta(hours=24)


class RetryStrategy(PolicyModel):
    """How often a message is attempted in all, and how long to wait after each failure.

    The n-th wait is `first x factor^(n-1)`, capped at `max`; `waits` replaces the formula by a list, which also
    sets the number of attempts. `jitter` is the share that may be added on top, never taken off. The name of a preset
    may stand for all of it; what is kept is the strategy, not the name.
    """

    attempts: int = Field(default=8, ge=1, le=1000)
    first: PositiveDuration = timedelta(seconds=5)
    factor: float = Field(default=3.0, ge=1.0, le=100.0, allow_inf_nan=False)
    max: PositiveDuration = timedelta(hours=6)
    jitter: float = Field(default=0.1, ge=0.0, le=1.0, allow_inf_nan=False)
    waits: tuple[PositiveDuration, ...] | None = Field(default=None, min_length=1, max_length=999)

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, given: Any) -> Any:
        return given if isinstance(given, Mapping | RetryStrategy) else preset(given)

    @model_validator(mode="after")
    def _one_way_only(self) -> "RetryStrategy":
        if self.waits is not None and self.model_fields_set & {"attempts", "first", "factor", "max"}:
            raise ValueError("expected either waits or attempts, first, factor and max, not both")
        return self

    @property
    def total_attempts(self) -> int:
        """The number of attempts in all, the first included."""
        return self.attempts if self.waits is None else len(self.waits) + 1

    @property
    def silent_keys(self) -> set[str]:
        """The fields that do not count; without them what is shown can be sent in again."""
        return {"waits"} if self.waits is None else {"attempts", "first", "factor", "max"}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """An object, or a preset's name."""
        reference = super().__get_pydantic_json_schema__(core, handler)
        schema = handler.resolve_ref_schema(reference)
        written = dict(schema)
        schema.clear()
        schema.update({"anyOf": [{"type": "string", "enum": list(PRESETS), "title": "Preset"}, written]})
        return reference


def next_wait(
    strategy: RetryStrategy, failed_attempts: int, entropy: float, retry_after: timedelta | None = None
) -> timedelta | None:
    """How long to wait after the `failed_attempts`-th failure (1 is the first), or None when no attempt is left.

    `entropy` is a random number in [0, 1) that places the jitter. `retry_after` is the receiver's hint: the wait is
    never shorter than it, up to LONGEST_HINT.
    """
    if failed_attempts >= strategy.total_attempts:
        return None
    planned = _planned(strategy, failed_attempts)
    jittered = planned + planned * (strategy.jitter * entropy)
    if retry_after is None:
        return jittered
    return max(jittered, min(retry_after, LONGEST_HINT))


def _planned(strategy: RetryStrategy, failed_attempts: int) -> timedelta:
    if strategy.waits is not None:
        return strategy.waits[failed_attempts - 1]
    ceiling = strategy.max.total_seconds()
    wait = strategy.first.total_seconds()
    # Multiplying step by step stops at the cap; a power of a large exponent overflows a float.
    for _ in range(failed_attempts - 1):
        wait *= strategy.factor
        if wait >= ceiling:
            break
    return timedelta(seconds=min(wait, ceiling))
