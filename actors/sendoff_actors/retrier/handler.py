"""Retrying: what becomes of failed attempts; nothing here knows Dramatiq."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from psycopg.errors import CheckViolation

from sendoff_actors.handoffs import FailedAttempt, Undeliverable
from sendoff_db.failures import outages_as_unavailable
from sendoff_db.partitions import ensure_partitions
from sendoff_db.pool import Pool
from sendoff_db.sql import run_in_index_order
from sendoff_domain.backoff import RetryStrategy, next_wait
from sendoff_domain.message import DeathReason
from sendoff_webhooks.customer import strategy_of
from sendoff_webhooks.customer_cache import CustomerCache


@dataclass(frozen=True, slots=True)
class Retrying:
    """Decides when a failed message is tried again, and writes it down; the database is the only timer."""

    pool: Pool
    customers: CustomerCache
    every: Literal["day", "hour"] = "day"

    async def handle(self, failures: Sequence[FailedAttempt]) -> list[Undeliverable]:
        """Record failed attempts and plan the next ones; returns those that have none left.

        These stay claimed, with the attempt counted, so that the process that claims them next buries them unsent.
        Raises UnavailableError after an outage, and psycopg.Error for poison; nothing is recorded then.
        """
        await self.customers.ensure({failure.incarnation for failure in failures})
        decisions = [self._decide(failure, random.random()) for failure in failures]  # noqa: S311  jitter only
        plans = [decision if isinstance(decision, datetime) else None for decision in decisions]
        with outages_as_unavailable("record_failed"):
            await self._record(failures, plans)
        return [
            Undeliverable(failure.id, failure.token, decision)
            for failure, decision in zip(failures, decisions, strict=True)
            if isinstance(decision, DeathReason)
        ]

    async def _record(self, failures: Sequence[FailedAttempt], plans: Sequence[datetime | None]) -> None:
        values = _values(failures, plans)
        try:
            async with self.pool.connection() as connection:
                await run_in_index_order(connection, __package__, "record_failed", values)
        except CheckViolation:
            await ensure_partitions(self.pool, "attempts", self.every, [failure.started_at for failure in failures])
            async with self.pool.connection() as connection:
                await run_in_index_order(connection, __package__, "record_failed", values)

    def _decide(self, failure: FailedAttempt, entropy: float) -> datetime | DeathReason:
        return decide(failure, strategy_of(failure.retry, self.customers.get(failure.incarnation)), entropy)


def decide(failure: FailedAttempt, strategy: RetryStrategy, entropy: float) -> datetime | DeathReason:
    """When to try again, counted from the end of the failed attempt, or why not.

    `entropy` is a random number from 0 to 1 for the jitter.
    """
    if failure.final:
        return DeathReason.REJECTED
    hint = timedelta(seconds=failure.retry_after) if failure.retry_after is not None else None
    wait = next_wait(strategy, failure.attempt, entropy, hint)
    if wait is None:
        return DeathReason.EXHAUSTED
    planned = failure.ended_at + wait.total_seconds()
    if failure.expires_at is not None and planned >= failure.expires_at:
        return DeathReason.EXPIRED
    return datetime.fromtimestamp(planned, UTC)


def _values(failures: Sequence[FailedAttempt], plans: Sequence[datetime | None]) -> dict[str, object]:
    return {
        "ids": [UUID(hex=failure.id) for failure in failures],
        "tokens": [failure.token for failure in failures],
        "attempts": [failure.attempt for failure in failures],
        "generations": [failure.generation for failure in failures],
        "started": [datetime.fromtimestamp(failure.started_at, UTC) for failure in failures],
        "durations": [failure.duration_us for failure in failures],
        "statuses": [failure.status_code for failure in failures],
        "classes": [failure.error_class.value for failure in failures],
        "details": [failure.detail.replace("\0", "") for failure in failures],
        "answers": [failure.answer for failure in failures],
        "next": list(plans),
    }
