"""Circuit breakers as the Senders keep them: outcomes are counted together in PostgreSQL, which decides for all."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, LiteralString

import structlog
from psycopg import IntegrityError, OperationalError
from psycopg_pool import PoolTimeout

from sendoff_actors.handoffs import Claimed
from sendoff_db.pool import Pool
from sendoff_db.sql import read_statement
from sendoff_domain.breaker import BreakerPolicy, counts_against, is_gone, next_probe, opens
from sendoff_domain.errors import UnavailableError
from sendoff_domain.outcome import Outcome
from sendoff_webhooks.customers import Customers

log = structlog.get_logger("sendoff.breakers")

_EVERY = 0.25


@dataclass(slots=True)
class _Count:
    successes: int = 0
    failures: int = 0
    probes: list[bool] = field(default_factory=list)
    gone: bool = False


class Breakers:
    """Counts outcomes of customers that had a failure lately, and opens and closes their breakers.

    `on_change` is called with a customer's id when its breaker was opened or closed here; `pause` pauses a customer
    for a reason and may raise UnavailableError, upon which it is asked again.
    """

    def __init__(
        self,
        pool: Pool,
        customers: Customers,
        on_change: Callable[[str], None],
        pause: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._pool = pool
        self._customers = customers
        self._on_change = on_change
        self._pause = pause
        self._counts: dict[str, _Count] = {}
        self._watched: dict[str, float] = {}
        self._noted = asyncio.Event()

    def note(self, message: Claimed, outcome: Outcome) -> None:
        """Count one outcome; costs a look into an empty dictionary where all is well."""
        failed = counts_against(outcome)
        if not (failed or message.probe or message.customer in self._watched or is_gone(outcome)):
            return
        self._noted.set()
        count = self._counts.setdefault(message.customer, _Count())
        count.gone = count.gone or is_gone(outcome)
        if message.probe:
            count.probes.append(not failed)
        elif failed:
            self._watched[message.customer] = time.monotonic()
            count.failures += 1
        else:
            count.successes += 1

    async def run(self) -> None:
        """Write what was counted, four times a second at most, until cancelled."""
        while True:
            await self._noted.wait()
            await asyncio.sleep(_EVERY)
            self._noted.clear()
            await self.turn()

    async def turn(self) -> None:
        """Write what was counted since; a database that does not answer gets it in the next turn."""
        counts, self._counts = self._counts, {}
        for customer_id, count in counts.items():
            try:
                await self._settle(customer_id, self._policy(customer_id), count)
            except (OperationalError, PoolTimeout, UnavailableError) as error:
                log.warning("outcomes not counted yet", customer=customer_id, error=str(error))
                self._counts.setdefault(customer_id, count)
                self._noted.set()
            except IntegrityError:  # the customer was deleted
                self._watched.pop(customer_id, None)

    def _policy(self, customer_id: str) -> BreakerPolicy:
        customer = self._customers.get(customer_id)
        policy = BreakerPolicy() if customer is None else customer.breaker
        window = policy.window.total_seconds()
        if time.monotonic() - self._watched.get(customer_id, 0.0) > 3 * window:
            self._watched.pop(customer_id, None)
        return policy

    async def _settle(self, customer_id: str, policy: BreakerPolicy, count: _Count) -> None:
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
            for successes, failures in await self._run("count_outcomes", values):
                if opens(policy, successes, failures):
                    await self._open(customer_id, policy)

    async def _open(self, customer_id: str, policy: BreakerPolicy) -> None:
        if await self._run("open_breaker", {"customer": customer_id, "wait": next_probe(policy, 0)}):
            log.warning("breaker opened, messages are held", customer=customer_id)
            self._on_change(customer_id)

    async def _close(self, customer_id: str) -> None:
        if await self._run("close_breaker", {"customer": customer_id}):
            log.info("breaker closed", customer=customer_id)
            self._on_change(customer_id)

    async def _postpone(self, customer_id: str, policy: BreakerPolicy) -> None:
        for trips, open_for in await self._run("read_breaker", {"customer": customer_id}):
            values = {"customer": customer_id, "trips": trips, "wait": next_probe(policy, trips + 1)}
            await self._run("postpone_probe", values)
            if open_for >= policy.pause_after:
                await self._pause(customer_id, f"the webhook has failed since {open_for} ago")

    async def _run(self, statement: LiteralString, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(read_statement(__package__, statement), values)
            return await cursor.fetchall()
