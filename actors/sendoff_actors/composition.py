"""What a worker process is made of, and what it opens, runs and closes.

Each actor is a slice: `actor` is what Dramatiq calls, `handler` what is done, without Dramatiq, and beside them stands
what the handler needs, its statements among it.

Each part is made after those that it knows, so that the arrows between them make no circle:

    Member (the fleet) <- ExtraTicks <- Holdings <- Recorder <- Dispatcher <- Sending, CustomerWatch <- Breakers
                          Holdings <- UnrecordedFailures <- Recorder
                                        Holdings <- Ticker

`_subscribe` comes last: it tells the member whom to call. `make_worker` starts nothing, so that a test can do one turn
of each service itself; `run_worker` joins the fleet and runs the services.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import redis.asyncio

from sendoff_actors.broker import BlockingRedisBroker, Enqueuer
from sendoff_actors.claimer.handler import Claiming
from sendoff_actors.claimer.ticker import ExtraTicks, Ticker
from sendoff_actors.dead_letterer.clean_up_schedule import CleanUpSchedule
from sendoff_actors.dead_letterer.handler import Burying
from sendoff_actors.handoffs import ActorName, Undeliverable, read_handoff_key
from sendoff_actors.jobs.runner import JobRunner
from sendoff_actors.marker_cache import open_cache
from sendoff_actors.metrics import WorkerMetrics, new_worker_metrics
from sendoff_actors.micro_batches import MicroBatches
from sendoff_actors.retrier.handler import Retrying
from sendoff_actors.retrier.unrecorded import UnrecordedFailures
from sendoff_actors.sender.composition import SenderParts, make_holdings, make_sender, make_slots
from sendoff_actors.sender.handler import DRAIN_GRACE
from sendoff_actors.sender.holdings import Holdings
from sendoff_actors.sender.markers import Markers
from sendoff_actors.sender.shortage_watch import ShortageWatch
from sendoff_actors.sender.slots import Slots
from sendoff_config.identity import Identity
from sendoff_config.metrics.process_metrics import exported
from sendoff_config.process_index import ProcessIndex
from sendoff_config.service import run_services
from sendoff_config.settings import Settings
from sendoff_config.tracing.tracer import Tracer, open_tracer
from sendoff_control.fleet import join_fleet, make_member
from sendoff_control.member import Member
from sendoff_control.poll import Progress
from sendoff_control.seed import seed_state
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Pool, open_pool
from sendoff_domain.errors import UnavailableError
from sendoff_webhooks.customer_cache import CustomerCache
from sendoff_webhooks.keys.encryption import new_key_cipher
from sendoff_webhooks.seed import seed

#: Slots of a rate are claimed this far ahead at most: they wait on leases.
_LONGEST_RATE_AHEAD = timedelta(seconds=2)
#: Without a claim, or with outcomes that are not written, for so long (seconds) a worker stands still.
_STANDSTILL = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """The parts of one worker process."""

    member: Member
    claiming: Claiming
    sender: SenderParts
    retrying: Retrying
    unrecorded: UnrecordedFailures
    markers: Markers
    burying: Burying
    burials: MicroBatches[Undeliverable]
    ticker: Ticker
    extra_ticks: ExtraTicks
    clean_up: CleanUpSchedule
    metrics: WorkerMetrics
    jobs: JobRunner


@contextlib.asynccontextmanager
async def open_worker(
    *, settings: Settings, identity: Identity, process: ProcessIndex, broker: BlockingRedisBroker
) -> AsyncIterator[Worker]:
    """Connect a worker process and run it until the block ends; then give back and record what it holds.

    Raises PoolTimeout when PostgreSQL does not answer; the process is then started again.
    """
    clock = DatabaseClock()
    async with (
        open_pool(settings.postgres, identity.name) as pool,
        open_cache(settings) as cache,
        open_tracer(settings.tracing, identity) as tracer,
    ):
        async with pool.connection(timeout=30) as connection:
            await clock.sample(connection)
            broker.authenticate(await read_handoff_key(connection))
            await seed_state(connection, settings.scheduler)
            await seed(connection, settings)
        member = make_member(settings, pool, identity, clock)
        worker = make_worker(member=member, process=process, pool=pool, cache=cache, broker=broker, tracer=tracer)
        async with run_worker(worker):
            yield worker


def make_worker(
    *,
    member: Member,
    process: ProcessIndex,
    pool: Pool,
    cache: "redis.asyncio.Redis",
    broker: BlockingRedisBroker,
    tracer: Tracer | None = None,
) -> Worker:
    """Make all parts of a process and subscribe them to the news of the fleet; none of them runs yet."""
    customers = CustomerCache(pool, new_key_cipher(member.settings.security))
    metrics = new_worker_metrics(member.identity, pool, member.settings.metrics)
    enqueuer, markers = Enqueuer(broker), _make_markers(member.settings, cache, broker.sealed.key)
    claiming, shortage = _make_claiming(member, process, pool), ShortageWatch(broker.backpressure)
    extra = _make_extra_ticks(member, enqueuer, claiming.turns.ask)
    slots = make_slots(process.share(member.settings.scheduler.max_concurrent))
    holdings = make_holdings(member=member, slots=slots, broker=broker, shortage=shortage, on_limit_freed=extra.wake)
    retrying = Retrying(pool, customers, member.settings.partitions.every)
    burials = (burying := _make_burying(member.settings, pool, metrics)).burials()
    bury = partial(_hand_to_dead_letterer, enqueuer, burials)
    unrecorded = _make_unrecorded(retrying=retrying, holdings=holdings, markers=markers, bury=bury)
    worker = Worker(
        member=member,
        claiming=claiming,
        sender=make_sender(
            member=member,
            pool=pool,
            slots=slots,
            holdings=holdings,
            markers=markers,
            enqueuer=enqueuer,
            customers=customers,
            keep_failures=unrecorded.take,
            metrics=metrics.deliveries,
            tracer=tracer,
        ),
        retrying=retrying,
        unrecorded=unrecorded,
        markers=markers,
        burying=burying,
        burials=burials,
        ticker=_make_ticker(member=member, process=process, enqueuer=enqueuer, is_idle=holdings.is_empty),
        extra_ticks=extra,
        clean_up=CleanUpSchedule(enqueuer),
        metrics=metrics,
        jobs=JobRunner(pool, member.settings.partitions, metrics.accepted),
    )
    _subscribe(worker, slots)
    return worker


@contextlib.asynccontextmanager
async def run_worker(worker: Worker) -> AsyncIterator[None]:
    """Join the fleet and run the services; on leaving, what is on the wire is waited for and recorded.

    Leases are renewed and outcomes are written until nothing is held any more.
    """
    sender = worker.sender
    later = worker.unrecorded.batches, worker.burials
    hours = [worker.metrics.hours] if worker.metrics.hours is not None else []
    async with (
        join_fleet(worker.member),
        exported(worker.metrics.of_process, enabled=worker.member.settings.metrics.enabled),
        run_services(sender.renewal, *sender.recorder.batches, *later, worker.markers, *hours),
    ):
        try:
            async with run_services(
                worker.ticker,
                worker.extra_ticks,
                worker.clean_up,
                worker.jobs,
                sender.saturation,
                sender.breakers,
                sender.watch,
            ):
                yield
        finally:
            await sender.sending.close(worker.member.settings.workers.shutdown_timeout.total_seconds())
            for batches in later:
                await batches.drain(DRAIN_GRACE)
            for writer in hours:
                await writer.run_once()


async def _hand_to_dead_letterer(
    enqueuer: Enqueuer, burials: MicroBatches[Undeliverable], undeliverable: Sequence[Undeliverable]
) -> None:
    """Hand on what has no attempt left, or bury it in this process if Redis takes nothing."""
    try:
        await enqueuer.enqueue(ActorName.BURY, undeliverable)
    except UnavailableError:
        for one in undeliverable:
            burials.put(one)


def _subscribe(worker: Worker, slots: Slots) -> None:
    worker.metrics.watch(worker.claiming, worker.sender.holdings, slots)
    dispatcher = worker.sender.dispatcher
    worker.member.subscribe(
        on_change=lambda _: dispatcher.release_stopped(),
        on_wake=worker.extra_ticks.wake,
        on_customer=worker.sender.watch.changed,
        in_flight=lambda: dispatcher.in_flight,
        progress=lambda: progress_of(worker),
    )


def progress_of(worker: Worker) -> Progress:
    """By when the process must have claimed and recorded again; a throttled one may miss a tick to others.

    A stop is no standstill: what is started again has all the time there is.
    """
    clock = worker.member.clock
    if not worker.member.is_running():
        worker.claiming.claimed_at = time.monotonic()
    passed = clock.now() - time.monotonic()
    longest = max(_STANDSTILL, 2 * worker.member.settings.scheduler.interval.total_seconds())
    handled = [batches.handling_since for batches in (*worker.sender.recorder.batches, worker.unrecorded.batches)]
    oldest = min((since for since in handled if since is not None), default=None)
    return Progress(
        claim_by=passed + worker.claiming.claimed_at + longest,
        record_by=None if oldest is None else passed + oldest + _STANDSTILL,
        is_short=worker.sender.shortage.lasts,
    )


def _make_extra_ticks(member: Member, enqueuer: Enqueuer, ask: Callable[[], bool]) -> ExtraTicks:
    return ExtraTicks(
        instance=member.identity.instance,
        settings=member.settings.scheduler,
        is_running=member.is_running,
        ask=ask,
        send=partial(enqueuer.enqueue, ActorName.CLAIM),
    )


def _make_ticker(*, member: Member, process: ProcessIndex, enqueuer: Enqueuer, is_idle: Callable[[], bool]) -> Ticker:
    return Ticker(
        instance=member.identity.instance,
        process=process,
        settings=member.settings.scheduler,
        clock=member.clock,
        is_running=member.is_running,
        is_idle=is_idle,
        send=partial(enqueuer.enqueue, ActorName.CLAIM),
    )


def _make_unrecorded(
    *,
    retrying: Retrying,
    holdings: Holdings,
    markers: Markers,
    bury: Callable[[Sequence[Undeliverable]], Awaitable[None]],
) -> UnrecordedFailures:
    return UnrecordedFailures(
        retrying=retrying,
        hold=holdings.keep,
        mark=markers.write_failures,
        recorded=markers.recorded_failures,
        bury=bury,
    )


def _make_markers(settings: Settings, cache: "redis.asyncio.Redis", key: bytes) -> Markers:
    life, lease = settings.redis.marker_life, settings.scheduler.lease
    return Markers(cache, key=key, life=life.total_seconds(), lease=lease.total_seconds())


def _make_burying(settings: Settings, pool: Pool, metrics: WorkerMetrics) -> Burying:
    return Burying(
        pool=pool,
        partitions=settings.partitions,
        retention=settings.retention,
        letter_retention=settings.dead_letters.retention,
        count=metrics.count_dead_letters,
    )


def _make_claiming(member: Member, process: ProcessIndex, pool: Pool) -> Claiming:
    scheduler = member.settings.scheduler
    return Claiming(
        pool=pool,
        clock=member.clock,
        holder=member.identity.instance,
        horizon=scheduler.horizon,
        lease=scheduler.lease,
        rate_ahead=min(scheduler.interval, _LONGEST_RATE_AHEAD) + scheduler.horizon,
        parts=process.count,
    )
