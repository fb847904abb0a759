"""Counts the outcomes of requests by customer, for the circuit breakers."""

import asyncio
import time
from dataclasses import dataclass, field

from sendoff_actors.handoffs import Claimed
from sendoff_domain.breaker import counts_against, is_gone
from sendoff_domain.outcome import Outcome


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
        failed = counts_against(outcome)
        if not (failed or message.probe or message.customer in self._failed_at or is_gone(outcome)):
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
