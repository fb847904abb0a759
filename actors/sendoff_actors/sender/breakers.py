"""Circuit breakers as the Senders keep them: outcomes are counted together in PostgreSQL, which decides for all."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, LiteralString

import structlog
from psycopg.errors import ForeignKeyViolation

from sendoff_actors.handoffs import Claimed
from sendoff_db.failures import describe, is_outage
from sendoff_db.pool import Pool
from sendoff_db.sql import Row, fetch_all
from sendoff_domain.breaker import BreakerPolicy, counts_against, is_gone, next_probe, opens, says_nothing
from sendoff_domain.outcome import Delivered, Outcome
from sendoff_webhooks.customer_cache import CustomerCache

log = structlog.get_logger("sendoff.breakers")
_EVERY = 0.25


@dataclass(slots=True)
class OutcomeCount:
    """What came of the requests of one customer: `probes` has True for each probe that succeeded."""

    successes: int = 0
    failures: int = 0
    probes: list[bool] = field(default_factory=list)
    gone: bool = False

    def add(self, other: "OutcomeCount") -> None:
        """Count what came of other requests of this customer, too."""
        self.successes += other.successes
        self.failures += other.failures
        self.probes += other.probes
        self.gone = self.gone or other.gone


class OutcomeCounts:
    """The outcomes that are not written yet, of customers that had a failure lately; all others are not counted."""

    def __init__(self) -> None:
        self._counts: dict[str, OutcomeCount] = {}
        self._failed_at: dict[str, float] = {}
        self._noted = asyncio.Event()

    def note(self, message: Claimed, outcome: Outcome) -> None:
        """Count one outcome; costs a look into an empty dictionary where all is well."""
        is_watched = message.probe or message.customer in self._failed_at
        if not is_watched and isinstance(outcome, Delivered):
            return
        failed = counts_against(outcome)
        if says_nothing(outcome) or not (failed or is_watched or is_gone(outcome)):
            return
        self._noted.set()
        count = self._counts.setdefault(message.customer, OutcomeCount())
        count.gone = count.gone or is_gone(outcome)
        if message.probe:
            count.probes.append(not failed)
        elif failed:
            self._failed_at[message.customer] = time.monotonic()
            count.failures += 1
        else:
            count.successes += 1

    async def wait(self) -> None:
        """Wait until there is something to take."""
        await self._noted.wait()

    def take(self) -> dict[str, OutcomeCount]:
        """Take out what was counted, by customer."""
        counts, self._counts = self._counts, {}
        self._noted.clear()
        return counts

    def put_back(self, customer_id: str, count: OutcomeCount) -> None:
        """Keep a count that could not be written for the next time."""
        self._counts.setdefault(customer_id, OutcomeCount()).add(count)
        self._noted.set()

    def forget(self, customer_id: str) -> None:
        """Count the successes of a customer no more."""
        self._failed_at.pop(customer_id, None)

    def forget_if_quiet(self, customer_id: str, seconds: float) -> None:
        """Count the successes of a customer no more, if its last failure was so long ago."""
        if time.monotonic() - self._failed_at.get(customer_id, 0.0) > seconds:
            self.forget(customer_id)


class Breakers:
    """The service that writes what was counted, four times a second at most, and opens and closes breakers by it.

    `announce` is called with a customer's id when its breaker was opened or closed here; `pause` pauses a customer
    for a reason, and may raise UnavailableError, upon which it is asked again.
    """

    name = "breakers"

    def __init__(
        self,
        *,
        pool: Pool,
        customers: CustomerCache,
        outcomes: OutcomeCounts,
        announce: Callable[[str], None],
        pause: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._pool = pool
        self._customers = customers
        self._outcomes = outcomes
        self._announce = announce
        self._pause = pause

    async def wait(self) -> None:
        """Wait for an outcome that counts, and then for more of them."""
        await self._outcomes.wait()
        await asyncio.sleep(_EVERY)

    async def run_once(self) -> None:
        """Write what was counted since; a database that does not answer gets it in the next turn."""
        for customer_id, count in self._outcomes.take().items():
            try:
                await self._write(customer_id, self._policy(customer_id), count)
            except ForeignKeyViolation:  # the customer was deleted
                self._outcomes.forget(customer_id)
            except Exception as error:  # noqa: BLE001  the outcomes of the other customers count all the same
                self._keep_or_drop(customer_id, count, error)

    def _keep_or_drop(self, customer_id: str, count: OutcomeCount, error: Exception) -> None:
        if is_outage(error):
            log.warning("outcomes not counted yet", customer=customer_id, error=describe(error))
            self._outcomes.put_back(customer_id, count)
        else:
            log.error("outcomes can't be counted", customer=customer_id, error=describe(error))

    def _policy(self, customer_id: str) -> BreakerPolicy:
        customer = self._customers.named(customer_id)
        policy = BreakerPolicy() if customer is None else customer.breaker
        self._outcomes.forget_if_quiet(customer_id, 3 * policy.window.total_seconds())
        return policy

    async def _write(self, customer_id: str, policy: BreakerPolicy, count: OutcomeCount) -> None:
        if count.gone:
            await self._pause(customer_id, "the webhook answered 410: it is gone")
        for succeeded in count.probes:
            await (self._close(customer_id) if succeeded else self._postpone(customer_id, policy))
        values = {
            "customer": customer_id,
            "successes": count.successes,
            "failures": count.failures,
            "window": policy.window.total_seconds(),
        }
        if count.successes or count.failures:
            for successes, failures in await self._fetch("count_outcomes", values):
                if opens(policy, successes, failures):
                    await self._open(customer_id, policy)

    async def _open(self, customer_id: str, policy: BreakerPolicy) -> None:
        if await self._fetch("open_breaker", {"customer": customer_id, "wait": next_probe(policy, 0)}):
            log.warning("breaker opened, messages are held", customer=customer_id)
            self._announce(customer_id)

    async def _close(self, customer_id: str) -> None:
        if await self._fetch("close_breaker", {"customer": customer_id}):
            log.info("breaker closed", customer=customer_id)
            self._announce(customer_id)

    async def _postpone(self, customer_id: str, policy: BreakerPolicy) -> None:
        for trips, open_for in await self._fetch("read_breaker", {"customer": customer_id}):
            values = {"customer": customer_id, "trips": trips, "wait": next_probe(policy, trips + 1)}
            await self._fetch("postpone_probe", values)
            if open_for >= policy.pause_after:
                await self._pause(customer_id, f"the webhook has failed since {open_for} ago")

    async def _fetch(self, statement: LiteralString, values: dict[str, Any]) -> list[Row]:
        async with self._pool.connection() as connection:
            return await fetch_all(connection, __package__, statement, values)
