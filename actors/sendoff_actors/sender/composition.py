"""The parts of the Sender, each made after those that it knows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from sendoff_actors.broker import BlockingRedisBroker, Enqueuer
from sendoff_actors.handoffs import FailedAttempt
from sendoff_actors.sender.attempt_log import AttemptLog
from sendoff_actors.sender.breakers import Breakers, OutcomeCounts
from sendoff_actors.sender.customer_watch import CustomerWatch
from sendoff_actors.sender.delivery_metrics import DeliveryMetrics
from sendoff_actors.sender.dispatcher import Dispatcher
from sendoff_actors.sender.handler import Sending
from sendoff_actors.sender.holdings import Holdings
from sendoff_actors.sender.lease_renewal import LeaseRenewal
from sendoff_actors.sender.markers import Markers
from sendoff_actors.sender.recorder import Recorder
from sendoff_actors.sender.saturation_reporter import SaturationReporter
from sendoff_actors.sender.shortage_watch import ShortageWatch
from sendoff_actors.sender.slots import Slots
from sendoff_config.open_files import connection_files, requests_within
from sendoff_config.tracing.tracer import Tracer
from sendoff_control.member import Member
from sendoff_db.pool import Pool
from sendoff_domain.control import Action, Command
from sendoff_domain.webhook_url import parse_host_port
from sendoff_webhooks.attempt import make_attempt
from sendoff_webhooks.client.own_servers import own_servers
from sendoff_webhooks.client.webhook_client import WebhookClient
from sendoff_webhooks.customer_cache import CustomerCache
from sendoff_webhooks.traced_attempt import TracedAttempts

#: A process may hold so many messages that wait for their moment within the horizon, or four batches if that is more.
_LEAST_HELD = 5000
#: How long messages that are due wait for a reading of the database's clock (seconds); then it is taken to go on.
_CLOCK_PATIENCE = 0.25

log = structlog.get_logger("sendoff.sender")


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderParts:
    """What the Sender of one process is made of. The recorder's batches and the other services are not running yet."""

    sending: Sending
    holdings: Holdings
    shortage: ShortageWatch
    dispatcher: Dispatcher
    recorder: Recorder
    outcomes: OutcomeCounts
    renewal: LeaseRenewal
    watch: CustomerWatch
    breakers: Breakers
    saturation: SaturationReporter


def make_slots(wanted: int) -> Slots:
    """As many slots as are wanted, but no more than the limit of open files allows."""
    most = requests_within(connection_files())
    if wanted > most:
        log.warning("fewer requests at once than maxConcurrent says, raise `ulimit -n`", wanted=wanted, at_once=most)
    return Slots(min(wanted, most))


def make_holdings(
    *,
    member: Member,
    slots: Slots,
    broker: BlockingRedisBroker,
    shortage: ShortageWatch,
    on_limit_freed: Callable[[], None],
) -> Holdings:
    """What the process holds; `on_limit_freed` is called when a limit of concurrency lets one more be claimed."""
    return Holdings(
        has_slot=slots.has_one_left,
        most=max(_LEAST_HELD, 4 * member.settings.scheduler.batch_size),
        backpressure=broker.backpressure,
        shortage=shortage,
        on_limit_freed=on_limit_freed,
    )


def make_sender(
    *,
    member: Member,
    pool: Pool,
    slots: Slots,
    holdings: Holdings,
    markers: Markers,
    enqueuer: Enqueuer,
    customers: CustomerCache,
    keep_failures: Callable[[Sequence[FailedAttempt]], None],
    metrics: DeliveryMetrics | None,
    tracer: Tracer | None,
) -> SenderParts:
    """Make the Sender; `keep_failures` takes failed attempts that can't be handed to another process."""
    scheduler, clock = member.settings.scheduler, member.clock
    outcomes = OutcomeCounts()
    recorder = Recorder(
        clock=clock,
        pool=pool,
        every=member.settings.partitions.every,
        markers=markers,
        enqueuer=enqueuer,
        holdings=holdings,
        outcomes=outcomes,
        keep_failures=keep_failures,
        metrics=metrics,
        attempts=AttemptLog(member.settings.logging.attempts),
    )
    dispatcher = _make_dispatcher(
        member=member, customers=customers, slots=slots, holdings=holdings, recorder=recorder, tracer=tracer
    )
    holdings.shortage.on_change = dispatcher.release_stopped
    watch = CustomerWatch(customers, holdings.customers, dispatcher.release_for_open_breaker)
    sending = Sending(
        clock=clock,
        customers=customers,
        markers=markers,
        holdings=holdings,
        dispatcher=dispatcher,
        recorder=recorder,
        tracer=tracer,
    )
    return SenderParts(
        sending=sending,
        holdings=holdings,
        shortage=holdings.shortage,
        dispatcher=dispatcher,
        recorder=recorder,
        outcomes=outcomes,
        renewal=LeaseRenewal(clock=clock, holdings=holdings, pool=pool, lease=scheduler.lease),
        watch=watch,
        breakers=_make_breakers(member=member, pool=pool, customers=customers, outcomes=outcomes, watch=watch),
        saturation=SaturationReporter(pool, member.identity.name, dispatcher.rebalance),
    )


def _make_dispatcher(
    *,
    member: Member,
    customers: CustomerCache,
    slots: Slots,
    holdings: Holdings,
    recorder: Recorder,
    tracer: Tracer | None,
) -> Dispatcher:
    security = member.settings.security
    return Dispatcher(
        clock=member.clock,
        customers=customers,
        client=WebhookClient(
            allowed_networks=security.allowed_networks,
            allowed_ports=security.allowed_ports,
            own=own_servers(member.settings),
            trusted=map(parse_host_port, member.settings.webhook.trusted),
        ),
        slots=slots,
        holdings=holdings,
        recorder=recorder,
        shortage=holdings.shortage,
        is_running=member.is_running,
        read_clock=lambda: member.queries.ask(member.clock.sample, _CLOCK_PATIENCE),
        user_agent=f"sendoff/{member.identity.version}",
        attempt=make_attempt if tracer is None else TracedAttempts(tracer).make,
    )


def _make_breakers(
    *, member: Member, pool: Pool, customers: CustomerCache, outcomes: OutcomeCounts, watch: CustomerWatch
) -> Breakers:
    def announce(customer_id: str) -> None:
        watch.changed(customer_id)  # this process looks at once, the others when they hear of it
        member.publisher.customer_changed(customer_id)

    async def pause(customer_id: str, reason: str) -> None:
        stop = Command(Action.STOP, scope=customer_id, reason=reason, requested_by=member.identity.name)
        await member.command(stop, "worker")

    return Breakers(pool=pool, customers=customers, outcomes=outcomes, announce=announce, pause=pause)
