"""The Sender of one process: holds claimed messages until their time, sends them, and sees their outcome recorded."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from sendoff_actors.handoffs import Batch, Claimed, FailedAttempt, Undeliverable
from sendoff_actors.sender.claimed_message import ClaimedMessage
from sendoff_actors.sender.completer import Completer
from sendoff_actors.sender.markers import Marker, Markers
from sendoff_actors.sender.micro_batches import MicroBatches
from sendoff_actors.sender.pacer import Pacer
from sendoff_actors.sender.slots import Slots
from sendoff_db.clock import DatabaseClock
from sendoff_domain.errors import UnavailableError
from sendoff_domain.message import DeathReason
from sendoff_domain.outcome import Delivered, Failed, Outcome
from sendoff_webhooks.attempt import attempt
from sendoff_webhooks.client.webhook_client import WebhookClient
from sendoff_webhooks.customers import Customers
from sendoff_webhooks.strategies import has_attempt_left

log = structlog.get_logger("sendoff.sender")

#: No request starts on a lease that ends sooner than this (seconds); a renewal comes long before.
_LEASE_MARGIN = 1.0
#: How long a leaving process tries to write each kind of outcome (seconds); the leases heal what it can't.
_FLUSH_GRACE = 5.0
#: Deliveries are recorded this far apart (seconds): the more together, the less each costs. Their markers are there.
_GATHER = 0.02


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the Sender asks before each request, whom it gives what it did not deliver, and who hears what.

    The two that hand on raise UnavailableError when Redis does not take it. `on_room` hears if it has room for more,
    `on_outcome` what came of each request, `on_counted` when one of a limit of concurrency is over and recorded.
    """

    is_running: Callable[[str], bool]
    to_retrier: Callable[[list[FailedAttempt]], Awaitable[None]]
    to_dead_letterer: Callable[[list[Undeliverable]], Awaitable[None]]
    on_room: Callable[[bool], None]
    on_outcome: Callable[[Claimed, Outcome], None]
    on_counted: Callable[[], None]


class Sending:
    """All of it runs on the event loop; `accept` takes a batch, everything after that happens by itself."""

    def __init__(
        self,
        clock: DatabaseClock,
        customers: Customers,
        client: WebhookClient,
        markers: Markers,
        completer: Completer,
        neighbours: Neighbours,
        max_concurrent: int,
        max_held: int,
        user_agent: str,
    ) -> None:
        self._clock = clock
        self._customers = customers
        self._client = client
        self._markers = markers
        self._completer = completer
        self._neighbours = neighbours
        self._user_agent = user_agent
        self._max_concurrent = max_concurrent
        self._max_held = max_held
        self._slots = Slots(max_concurrent)
        self._pacer = Pacer(clock, self._due)
        self._held: dict[str, ClaimedMessage] = {}
        self._requests: set[asyncio.Task[None]] = set()
        self._leaving = False
        self._room = False
        self._marked = MicroBatches("markers", self._write_markers)
        self._recorded = MicroBatches("deliveries", self._record, rest=_GATHER)
        self._released = MicroBatches("releases", self._release)
        self._failures = MicroBatches("failures", neighbours.to_retrier, largest=100)
        self._undeliverable = MicroBatches("undeliverable", neighbours.to_dead_letterer)
        neighbours.on_room(False)
        self._look_for_room()

    @property
    def in_flight(self) -> int:
        """Requests on the wire."""
        return self._slots.in_flight

    @property
    def held(self) -> int:
        """Messages of which this process holds the claim."""
        return len(self._held)

    @property
    def customers_in_hand(self) -> set[str]:
        """Whose messages these are."""
        return {held.claimed.customer for held in self._held.values()}

    async def accept(self, batch: Batch) -> None:
        """Take over a claimed batch: send it, or give it back if there is a stop.

        A batch that was accepted before, anywhere, or whose lease is over, is left alone.
        """
        if self._clock.now() > batch.lease_until - _LEASE_MARGIN or not await self._markers.take_batch(batch.id):
            return
        await self._customers.ensure({message.customer for message in batch.messages})
        self._slots.has_many_customers = self._customers.several
        claimed_before = [message for message in batch.messages if message.token > 1]
        markers = await self._markers.find(claimed_before)
        for message in batch.messages:
            held = ClaimedMessage(message, batch.lease_until)
            self._held[message.id] = held
            if marker := markers.get(message.id):
                self._recorded.put((held, marker))
            else:
                self._schedule(held)
        self._look_for_room()

    async def renew_leases(self, older_than: float) -> None:
        """Prolong the leases that end within `older_than` seconds; what was lost is forgotten, if not on the wire."""
        ending = [held for held in self._held.values() if held.lease_until - self._clock.now() < older_than]
        renewed = await self._completer.renew(ending) if ending else {}
        for held in ending:
            held.lease_until = renewed.get(held.claimed.id, held.lease_until)

    def release_stopped(self) -> None:
        """Give back every message that must not be sent now; requests on the wire go on."""
        for held in [*self._pacer.clear(), *self._slots.clear()]:
            self._schedule(held)

    def release_for_open_breaker(self, customer_id: str) -> None:
        """Give back what waits of a customer whose breaker is open; its probes stay."""
        for held in self._slots.withdraw(customer_id):
            self._due(held)

    def crowded(self) -> frozenset[str]:
        """See who is slow, and say of which of them more waits here than is good; to be asked ten times a second."""
        self._slots.reclassify(time.monotonic())
        self._start_requests()
        return self._slots.saturated

    async def leave(self) -> None:
        """Start no request any more, and give back what waits and what still comes in."""
        self._leaving = True
        self.release_stopped()

    async def close(self, grace: float) -> None:
        """Leave, wait up to `grace` seconds for what is on the wire, and record it."""
        await self.leave()
        if self._requests:
            await asyncio.wait(self._requests, timeout=grace)
        for task in self._requests:
            task.cancel()
        for batches in (self._released, self._marked, self._recorded, self._failures, self._undeliverable):
            await batches.close(_FLUSH_GRACE)
        await self._client.close()

    def _look_for_room(self) -> None:
        """Room is there while fewer messages wait for a slot than there are slots, so that others get the rest."""
        room = self._slots.ready < self._max_concurrent and len(self._held) < self._max_held
        if room is not self._room:
            self._room = room
            self._neighbours.on_room(room)

    def _schedule(self, held: ClaimedMessage) -> None:
        if self._leaving or not self._neighbours.is_running(held.claimed.customer):
            self._released.put(held)
        else:
            self._pacer.add(held)

    def _due(self, held: ClaimedMessage) -> None:
        self._slots.add(held, time.monotonic())
        self._start_requests()

    def _start_requests(self) -> None:
        while (held := self._next()) is not None:
            task = asyncio.get_running_loop().create_task(self._send(held))
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)
        self._look_for_room()

    def _next(self) -> ClaimedMessage | None:
        """The next message that may start, with its slot."""
        while (held := self._slots.take()) is not None:
            if self._may_start(held):
                return held
            self._slots.give_back(held.claimed.customer)
        return None

    def _may_start(self, held: ClaimedMessage) -> bool:
        """The last look before a request; what may not start goes where it belongs."""
        message, now = held.claimed, self._clock.now()
        customer = self._customers.get(message.customer)
        waits_for_breaker = customer is not None and customer.breaker_open and not message.probe
        if self._leaving or waits_for_breaker or not self._neighbours.is_running(message.customer):
            self._released.put(held)
            return False
        if now > held.lease_until - _LEASE_MARGIN:
            self._forget([held])
            return False
        if message.expires_at is not None and now >= message.expires_at:
            self._bury(held, DeathReason.EXPIRED)
            return False
        if customer is not None and customer.unreadable:
            self._forget([held])  # it costs no attempt, and comes back no sooner than its lease is over
            return False
        if not has_attempt_left(message.retry, message.attempts, customer):
            self._bury(held, DeathReason.EXHAUSTED)
            return False
        return True

    async def _send(self, first: ClaimedMessage) -> None:
        """Send one message after the other as long as some wait; a task for each would cost more than its request."""
        held: ClaimedMessage | None = first
        while held is not None:
            message, started_at = held.claimed, self._clock.now()
            try:
                outcome = await attempt(
                    self._customers.get(message.customer),
                    self._client,
                    customer_id=message.customer,
                    webhook_id=f"msg_{message.id}",
                    attempt_number=message.attempts + 1,
                    payload=message.payload,
                    now=started_at,
                    user_agent=self._user_agent,
                )
                self._settle(held, outcome, started_at)
            finally:
                self._slots.give_back(message.customer)
            held = self._next()
            self._look_for_room()

    def _settle(self, held: ClaimedMessage, outcome: Outcome, started_at: float) -> None:
        self._neighbours.on_outcome(held.claimed, outcome)
        if isinstance(outcome, Delivered):
            sent_at = self._clock.now()
            marker = Marker(sent_at, outcome.status_code, outcome.duration_us, outcome.external_message_id)
            self._marked.put((held, marker))
            return
        self._failures.put(_failed(held, outcome, started_at))
        self._forget([held])

    def _bury(self, held: ClaimedMessage, reason: DeathReason) -> None:
        self._undeliverable.put(Undeliverable(held.claimed.id, held.claimed.token, reason))
        self._forget([held])

    async def _write_markers(self, sent: list[tuple[ClaimedMessage, Marker]]) -> None:
        await self._markers.write([(held.claimed, marker) for held, marker in sent])
        for item in sent:
            self._recorded.put(item)

    async def _record(self, sent: list[tuple[ClaimedMessage, Marker]]) -> None:
        recorded = await self._completer.record_sent(sent)
        if recorded < len(sent):
            log.warning("sent on lost claims", sent=len(sent), recorded=recorded)
        self._forget([held for held, _ in sent])

    async def _release(self, unsent: list[ClaimedMessage]) -> None:
        try:
            await self._completer.release(unsent)
        except UnavailableError as error:
            log.warning("not given back, the lease will run out", messages=len(unsent), error=str(error))
        self._forget(unsent)

    def _forget(self, gone: Sequence[ClaimedMessage]) -> None:
        for held in gone:
            if self._held.get(held.claimed.id) is held:
                del self._held[held.claimed.id]
        if any(held.claimed.limited for held in gone):
            self._neighbours.on_counted()
        self._look_for_room()


def _failed(held: ClaimedMessage, outcome: Failed, started_at: float) -> FailedAttempt:
    message = held.claimed
    return FailedAttempt(
        id=message.id,
        customer=message.customer,
        token=message.token,
        attempt=message.attempts + 1,
        generation=message.generation,
        expires_at=message.expires_at,
        started_at=started_at,
        duration_us=outcome.duration_us,
        status_code=outcome.status_code,
        error_class=outcome.error_class,
        detail=outcome.detail[:500],
        answer=outcome.answer,
        retry_after=outcome.retry_after.total_seconds() if outcome.retry_after is not None else None,
        final=outcome.final,
        retry=message.retry,
    )
