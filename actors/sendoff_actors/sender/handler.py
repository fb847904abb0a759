"""Sending: what the Sender does with a batch that was claimed; nothing here knows Dramatiq.

Three parts own what follows, each of them one file:

- `Holdings`: which messages this process holds, under which leases, and whether it takes any more.
- `Dispatcher`: when each of them is sent.
- `Recorder`: what became of it, written many at a time.

The dispatcher knows the recorder, the recorder the holdings, and none knows what comes before it. Beside them run
services: `LeaseRenewal`, `CustomerWatch`, `Breakers` and `SaturationReporter`; `composition` makes all.
"""

from dataclasses import dataclass

from sendoff_actors.handoffs import Batch, FailedAttempt
from sendoff_actors.sender.claim_spans import record_claims
from sendoff_actors.sender.dispatcher import Dispatcher
from sendoff_actors.sender.holdings import LEASE_MARGIN, Holdings
from sendoff_actors.sender.markers import Markers
from sendoff_actors.sender.recorder import Recorder
from sendoff_config.tracing.tracer import Tracer
from sendoff_db.clock import DatabaseClock
from sendoff_webhooks.customer_cache import CustomerCache

#: How long a leaving process tries to write each kind of outcome (seconds); the leases heal what it can't.
DRAIN_GRACE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """The Sender of one process: `accept` takes a batch, and everything after that happens by itself."""

    clock: DatabaseClock
    customers: CustomerCache
    markers: Markers
    holdings: Holdings
    dispatcher: Dispatcher
    recorder: Recorder
    tracer: Tracer | None

    async def accept(self, batch: Batch) -> None:
        """Hold the messages of a batch and schedule them, but for those whose marker tells of a request already made.

        A batch that was accepted before, by any process, or whose lease is over, is left alone. Raises UnavailableError
        when the customers can't be read; nothing is held then.
        """
        self.clock.catch_up(batch.claimed_at)
        if self.clock.now() > batch.lease_until - LEASE_MARGIN or not await self.markers.is_first_arrival(batch.id):
            return
        await self.customers.ensure({claimed.incarnation for claimed in batch.messages})
        if self.tracer is not None:
            record_claims(self.tracer, batch, self.clock.now())
        markers = await self.markers.find([claimed for claimed in batch.messages if claimed.was_claimed_before])
        unsent = []
        for claimed in batch.messages:
            message = self.holdings.add(claimed, batch.lease_until)
            marker = markers.get(claimed.id)
            if marker is None:
                unsent.append(message)
            elif isinstance(marker, FailedAttempt):
                self.recorder.record_again(message, marker)
            else:
                self.recorder.record_marked(message, marker)
        self.dispatcher.schedule(unsent, batch.claimed_at)
        self.holdings.update_room()

    async def leave(self) -> None:
        """Start no request any more, and give back what waits and what still comes in."""
        self.dispatcher.leave()
        self.recorder.leave()

    async def close(self, grace: float) -> None:
        """Leave, wait up to `grace` seconds for what is on the wire, and record it; the recorder's batches must run."""
        self.dispatcher.leave()
        self.recorder.leave()
        await self.dispatcher.finish(grace)
        await self.recorder.drain(DRAIN_GRACE)
