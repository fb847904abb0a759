"""Dispatching: each message waits for its time, then for a slot, is looked at once more, and is posted.

`schedule` -> Pacer (if it is not due yet, until it is) -> Slots (until a slot is free for its customer) ->
`skip_reason` -> `attempt` -> Recorder. All of it belongs to the event loop.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from enum import Enum, auto

from sendoff_actors.sender.holdings import LEASE_MARGIN, ClaimedMessage, Holdings
from sendoff_actors.sender.pacer import Pacer
from sendoff_actors.sender.recorder import Recorder
from sendoff_actors.sender.shortage_watch import ShortageWatch
from sendoff_actors.sender.slots import Slots
from sendoff_db.clock import DatabaseClock
from sendoff_domain.errors import ShortageError
from sendoff_domain.message import DeathReason
from sendoff_domain.outcome import ErrorClass, Failed, Outcome
from sendoff_webhooks.client.webhook_client import CancelledUnsentError, WebhookClient
from sendoff_webhooks.customer import Customer, strategy_of
from sendoff_webhooks.customer_cache import CustomerCache


class Skip(Enum):
    """Why no request starts, and what becomes of the message."""

    STOPPED = auto()
    """A stop is in force, or the process is leaving: the message goes back."""
    BREAKER_OPEN = auto()
    """The customer's breaker is open and the message is no probe: it goes back."""
    LEASE_OVER = auto()
    """The claim may belong to another process by now: this one lets go of the message."""
    EXPIRED = auto()
    """Its `expiresAt` has passed: it becomes a dead letter."""
    CUSTOMER_UNREADABLE = auto()
    """The customer's keys or rules can't be read here: the message comes back when its lease is over, at no attempt."""
    EXHAUSTED = auto()
    """It has no attempt left: it becomes a dead letter."""
    NOT_DUE = auto()
    """The database's clock was set back while the message waited for a slot: it waits for its time again."""


def skip_reason(message: ClaimedMessage, customer: Customer | None, now: float, *, is_running: bool) -> Skip | None:
    """Why a message must not be sent at `now` (Unix seconds of the database's clock), or None if it may be.

    `is_running` is False while a stop of everything or of this customer is in force, and while the process is leaving.
    """
    claimed = message.claimed
    if not is_running:
        return Skip.STOPPED
    if customer is not None and customer.breaker_open and not claimed.probe:
        return Skip.BREAKER_OPEN
    if now > message.lease_until - LEASE_MARGIN:
        return Skip.LEASE_OVER
    if claimed.expires_at is not None and now >= claimed.expires_at:
        return Skip.EXPIRED
    if customer is not None and customer.unreadable:
        return Skip.CUSTOMER_UNREADABLE
    # There always is a first attempt, whatever the strategy.
    if claimed.attempts and claimed.attempts >= strategy_of(claimed.retry, customer).total_attempts:
        return Skip.EXHAUSTED
    return Skip.NOT_DUE if now < claimed.due_at else None


class Dispatcher:
    """Starts the requests of the messages that are scheduled, and hands their outcomes to the recorder.

    `is_running` says whether a customer's messages may be sent now; it is asked before each request. `read_clock` takes
    a sample of the database's clock (`Pacer`). While the process is short of its own (`shortage`), all goes back.
    `attempt` is `make_attempt`, or what does the same.
    """

    def __init__(
        self,
        *,
        clock: DatabaseClock,
        customers: CustomerCache,
        client: WebhookClient,
        slots: Slots,
        holdings: Holdings,
        recorder: Recorder,
        shortage: ShortageWatch,
        is_running: Callable[[str], bool],
        read_clock: Callable[[], Awaitable[None]],
        user_agent: str,
        attempt: Callable[..., Awaitable[Outcome]],
    ) -> None:
        self._clock = clock
        self._customers = customers
        self._client = client
        self._slots = slots
        self._holdings = holdings
        self._recorder = recorder
        self._shortage = shortage
        self._is_running = is_running
        self._user_agent = user_agent
        self._attempt = attempt
        self._pacer = Pacer(clock, self._wait_for_slot, read_clock=read_clock)
        self._requests: set[asyncio.Task[None]] = set()
        # Kept, because to ask for the running loop is a system call in Python 3.11.
        self._loop = asyncio.get_running_loop()

    @property
    def in_flight(self) -> int:
        """Requests on the wire."""
        return self._slots.in_flight

    def schedule(self, messages: Iterable[ClaimedMessage], reading: float = 0.0) -> None:
        """Send each message at its due time, or give it back at once if there is a stop.

        What was due at this `reading` of the database's clock need not ask the clock again.
        """
        self._slots.has_many_customers = self._customers.has_many
        for message in messages:
            if not self._may_send(message.claimed.customer):
                self._recorder.release(message)
            elif message.claimed.due_at <= reading:
                self._wait_for_slot(message)
            else:
                self._pacer.add(message)

    def release_stopped(self) -> None:
        """Give back every waiting message that a stop or a shortage forbids to send; requests on the wire go on."""
        self.schedule([*self._pacer.clear(), *self._slots.clear()])
        self._holdings.update_room()

    def release_for_open_breaker(self, customer_id: str) -> None:
        """Give back the messages that wait for a slot of a customer whose breaker is open; its probes stay."""
        for message in self._slots.withdraw(customer_id):
            if message.claimed.probe:
                self._wait_for_slot(message)
            else:
                self._recorder.release(message)
        self._holdings.update_room()

    def rebalance(self) -> frozenset[str]:
        """Tell slow customers from quick ones and start what may start now; to be called ten times a second.

        Returns the saturated customers: those of which more messages wait here than can be sent.
        """
        self._slots.reclassify(time.monotonic())
        self._start_requests()
        return self._slots.saturated

    def leave(self) -> None:
        """Start no request any more; what waits, and what still comes in, is given back."""
        self._is_running = lambda _: False
        self.release_stopped()

    async def finish(self, grace: float) -> None:
        """Wait up to `grace` seconds for the requests on the wire; those that are left are cut: what was sent fails."""
        if self._requests:
            await asyncio.wait(self._requests, timeout=grace)
        left = tuple(self._requests)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._client.close()

    def _may_send(self, customer_id: str) -> bool:
        return not self._shortage.pauses and self._is_running(customer_id)

    def _wait_for_slot(self, message: ClaimedMessage) -> None:
        self._slots.add(message, time.monotonic())
        if self._slots.in_flight < self._slots.limit:
            self._start_requests()
        else:
            self._holdings.update_room()

    def _start_requests(self) -> None:
        while (message := self._next()) is not None:
            task = self._loop.create_task(self._send(message))
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)
        self._holdings.update_room()

    def _next(self) -> ClaimedMessage | None:
        """The next message that may be sent, with its slot; those that may not be go where they belong."""
        while (message := self._slots.take()) is not None:
            claimed = message.claimed
            customer = self._customers.get(claimed.incarnation)
            skip = skip_reason(message, customer, self._clock.now(), is_running=self._may_send(claimed.customer))
            if skip is None:
                return message
            self._skip(message, skip)
            self._slots.give_back(claimed.customer)
        return None

    def _skip(self, message: ClaimedMessage, skip: Skip) -> None:
        match skip:
            case Skip.STOPPED | Skip.BREAKER_OPEN:
                self._recorder.release(message)
            case Skip.LEASE_OVER | Skip.CUSTOMER_UNREADABLE:
                self._holdings.forget([message])
            case Skip.EXPIRED:
                self._recorder.bury(message, DeathReason.EXPIRED)
            case Skip.EXHAUSTED:
                self._recorder.bury(message, DeathReason.EXHAUSTED)
            case Skip.NOT_DUE:
                self._pacer.add(message)

    async def _send(self, first: ClaimedMessage) -> None:
        """Send one message after the other as long as some wait; a task for each would cost more than its request."""
        message: ClaimedMessage | None = first
        while message is not None:
            claimed, started_at = message.claimed, self._clock.now()
            try:
                outcome = await self._attempt(
                    self._customers.get(claimed.incarnation),
                    self._client,
                    customer_id=claimed.customer,
                    webhook_id=f"msg_{claimed.id}",
                    attempt_number=claimed.attempts + 1,
                    payload=claimed.payload,
                    now=started_at,
                    user_agent=self._user_agent,
                    trace=claimed.trace,
                )
                self._recorder.record(message, outcome, started_at)
            except ShortageError as error:
                self._recorder.release(message)
                self._shortage.note(error)
            except CancelledUnsentError:
                self._recorder.release(message)
                raise
            except asyncio.CancelledError:
                self._recorder.record(message, _interrupted(self._clock.now() - started_at), started_at)
                raise
            finally:
                self._slots.give_back(claimed.customer)
            message = self._next()
            self._holdings.update_room()


def _interrupted(seconds: float) -> Failed:
    """What an attempt came to that was cut: the webhook may have taken it, so it counts."""
    return Failed(ErrorClass.INTERRUPTED, "its worker was stopped before the answer came", round(max(0, seconds) * 1e6))
