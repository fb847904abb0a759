"""What the workers must know of a customer, read from PostgreSQL and kept for two seconds."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import structlog
from pydantic import ValidationError

from sendoff_db.pool import Pool
from sendoff_db.sql import read_statement
from sendoff_domain.backoff import RetryStrategy
from sendoff_domain.breaker import BreakerPolicy
from sendoff_domain.errors import SealError
from sendoff_domain.response_rule.rule import ResponseRule
from sendoff_webhooks.keys.encryption import Sealer

log = structlog.get_logger("sendoff.customers")

#: A change takes effect after this long at most (seconds).
_FRESH = 2.0


@dataclass(frozen=True, slots=True)
class Customer:
    """A webhook and how to call it: `counted` if its requests have a limit, `breaker_open` while its messages are held.

    `unreadable` says that a rule or a valid key of it can't be read here, so that nothing may be sent: a request would
    break the rule or lack the signature.
    """

    id: str
    webhook_url: str | None
    timeout: timedelta
    connect_timeout: timedelta
    retry: RetryStrategy
    keys: tuple[bytes, ...] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    response_rule: ResponseRule = field(default_factory=ResponseRule)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    counted: bool = False
    breaker_open: bool = False
    unreadable: bool = False


class Customers:
    """A cache of customers; `ensure` loads, `get` only looks. `several` once there are more customers than one."""

    def __init__(self, pool: Pool, sealer: Sealer) -> None:
        self._pool = pool
        self._sealer = sealer
        self._known: dict[str, Customer] = {}
        self._read_at: dict[str, float] = {}
        self.several = False

    def get(self, customer_id: str) -> Customer | None:
        """The customer as last read, or None if there is none of that id."""
        return self._known.get(customer_id)

    async def ensure(self, ids: Iterable[str]) -> None:
        """Read those that are unknown or older than two seconds; an unreachable database leaves what is known."""
        now = time.monotonic()
        stale = sorted({id for id in ids if now - self._read_at.get(id, 0.0) > _FRESH})
        if not stale:
            return
        async with self._pool.connection() as connection:
            cursor = await connection.execute(read_statement(__package__, "load_customers"), {"ids": stale})
            rows = await cursor.fetchall()
        found = {row[0]: self._read(row, sealed_keys) for _, *row, sealed_keys in rows}
        self.several = rows[0][0] if rows else self.several
        for customer_id in stale:
            self._read_at[customer_id] = now
            self._known.pop(customer_id, None)
        self._known.update(found)

    def forget(self, customer_id: str) -> None:
        """Read this one anew when it is needed next: it was changed."""
        self._read_at.pop(customer_id, None)

    def _read(self, row: list[Any], sealed_keys: list[bytes]) -> Customer:
        """The customer; one that this process can't read is held, said once, and holds back nobody else."""
        before = self._known.get(row[0])
        try:
            return replace(_customer(*row), keys=tuple(self._sealer.open(key, row[0]) for key in sealed_keys))
        except (SealError, ValidationError) as error:
            if before is None or not before.unreadable:
                log.error("messages are held", customer=row[0], error=str(error))  # noqa: TRY400  no trace needed
            return replace(before or _nobody(row[0]), unreadable=True)


def _nobody(customer_id: str) -> Customer:
    return Customer(customer_id, None, timedelta(0), timedelta(0), RetryStrategy(), ())


def _customer(
    id: str,
    url: str | None,
    timeout_ms: int,
    connect_timeout_ms: int,
    retry: Any,
    headers: Mapping[str, str],
    response_rule: Any,
    breaker: Any,
    counted: bool,
    breaker_open: bool,
) -> Customer:
    return Customer(
        id,
        url,
        timedelta(milliseconds=timeout_ms),
        timedelta(milliseconds=connect_timeout_ms),
        RetryStrategy.model_validate(retry),
        (),
        headers,
        ResponseRule.model_validate(response_rule),
        BreakerPolicy.model_validate(breaker),
        counted,
        breaker_open,
    )
