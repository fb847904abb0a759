"""What a worker process opens and closes: the pool, Redis, its place in the fleet, and the services of the slices."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import redis
import redis.asyncio

from sendoff_actors.background import background_turns, cancel
from sendoff_actors.broker import BlockingRedisBroker
from sendoff_actors.claimer.handler import Claiming
from sendoff_actors.claimer.ticker import Ticker
from sendoff_actors.customer_watch import CustomerWatch
from sendoff_actors.dead_letterer.handler import Burying
from sendoff_actors.handoffs import ActorName, Queue, Tick
from sendoff_actors.retrier.handler import Retrying
from sendoff_actors.sender.breakers import Breakers
from sendoff_actors.sender.completer import Completer
from sendoff_actors.sender.markers import Markers
from sendoff_actors.sender.saturation import SaturationReporter
from sendoff_actors.sender.sending import Neighbours, Sending
from sendoff_config.identity import Identity
from sendoff_config.process_index import ProcessIndex
from sendoff_config.settings import SchedulerSettings, Settings
from sendoff_control.fleet import join_fleet, make_member
from sendoff_control.member import Member
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Pool, open_pool
from sendoff_domain.control import Action, Command
from sendoff_domain.errors import UnavailableError
from sendoff_webhooks.client.webhook_client import WebhookClient
from sendoff_webhooks.customers import Customers
from sendoff_webhooks.keys.encryption import new_sealer
from sendoff_webhooks.seed import seed

#: A process may hold so many messages that wait for their moment within the horizon, or four batches if that is more.
_LEAST_HELD = 5000
#: Slots of a rate are claimed this far ahead at most: they wait on leases.
_LONGEST_PACE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Resources:
    """Everything that the actors of one process use."""

    member: Member
    claiming: Claiming
    sending: Sending
    retrying: Retrying
    burying: Burying


@contextlib.asynccontextmanager
async def open_resources(
    settings: Settings, identity: Identity, process: ProcessIndex, broker: BlockingRedisBroker
) -> AsyncIterator[Resources]:
    """Open all of it, run the background turns, and on leaving give back and record what is held."""
    clock, scheduler = DatabaseClock(), settings.scheduler
    async with contextlib.AsyncExitStack() as stack:
        pool, cache = await _connect(stack, settings, identity, clock)
        member = make_member(settings, pool, identity, clock)
        customers = Customers(pool, new_sealer(settings.security))
        ticker = _ticker(broker, member, process, lambda: sending.held == 0)
        breakers = Breakers(pool, customers, lambda id: _announce(member, watch, id), _pauser(member))
        neighbours = _neighbours(broker, member, breakers, ticker)
        sending = Sending(
            clock,
            customers,
            WebhookClient(
                allowed_networks=settings.security.allowed_networks,
                allowed_ports=settings.security.allowed_ports,
            ),
            Markers(cache),
            Completer(pool, scheduler.lease),
            neighbours,
            process.share(scheduler.max_concurrent),
            max(_LEAST_HELD, 4 * scheduler.batch_size),
            f"sendoff/{identity.version}",
        )
        watch = CustomerWatch(customers, lambda: sending.customers_in_hand, sending.release_for_open_breaker)
        crowds = SaturationReporter(pool, identity.name, sending.crowded)
        member.subscribe(on_change=lambda _: sending.release_stopped(), in_flight=lambda: sending.in_flight)
        member.subscribe(on_wake=ticker.wake, on_customer=watch.changed)
        await stack.enter_async_context(join_fleet(member))
        stack.push_async_callback(sending.close, settings.webhook.timeout.total_seconds() + 1)
        others = {"crowds": crowds.run, "breakers": breakers.run, "customers": watch.run}
        for turn in background_turns(sending, scheduler.lease, ticker, broker, others):
            stack.push_async_callback(cancel, asyncio.create_task(turn))
        yield Resources(
            member,
            _claiming(pool, clock, identity, scheduler, process),
            sending,
            Retrying(pool, customers),
            Burying(pool, settings.partitions, settings.retention, settings.dead_letters.retention),
        )


def _ticker(broker: BlockingRedisBroker, member: Member, process: ProcessIndex, is_idle: Callable[[], bool]) -> Ticker:
    settings, clock, instance = member.settings.scheduler, member.clock, member.identity.instance
    return Ticker(instance, process, settings, clock, member.is_running, is_idle, _tick_sender(broker))


def _claiming(
    pool: Pool, clock: DatabaseClock, identity: Identity, scheduler: SchedulerSettings, process: ProcessIndex
) -> Claiming:
    pace_ahead = min(scheduler.interval, _LONGEST_PACE) + scheduler.horizon
    return Claiming(pool, clock, identity.instance, scheduler.horizon, scheduler.lease, pace_ahead, process.count)


def _neighbours(broker: BlockingRedisBroker, member: Member, breakers: Breakers, ticker: Ticker) -> Neighbours:
    def make_room(room: bool) -> None:
        (broker.backpressure.open if room else broker.backpressure.close)(Queue.SENDER)

    return Neighbours(
        member.is_running,
        _enqueuer(broker, ActorName.RETRY),
        _enqueuer(broker, ActorName.BURY),
        make_room,
        breakers.note,
        ticker.wake,
    )


def _pauser(member: Member) -> Callable[[str, str], Awaitable[None]]:
    async def pause(customer_id: str, reason: str) -> None:
        """Pause a customer for the whole fleet; raises UnavailableError when PostgreSQL does not answer."""
        command = Command(Action.STOP, scope=customer_id, reason=reason, requested_by=member.identity.name)
        await member.command(command, "worker")

    return pause


def _announce(member: Member, watch: CustomerWatch, customer_id: str) -> None:
    """A breaker has changed here: this process looks at once, the others when they hear of it."""
    watch.changed(customer_id)
    member.customer_changed(customer_id)


async def _connect(
    stack: contextlib.AsyncExitStack, settings: Settings, identity: Identity, clock: DatabaseClock
) -> "tuple[Pool, redis.asyncio.Redis]":
    """The pool and the cache; raises PoolTimeout when PostgreSQL does not answer, and the process is started again."""
    pool = await stack.enter_async_context(open_pool(settings.postgres, identity.name))
    cache = redis.asyncio.Redis.from_url(str(settings.redis.cache_url), socket_timeout=2, retry=None)
    stack.push_async_callback(cache.aclose)
    async with pool.connection(timeout=30) as connection:
        await clock.sample(connection)
        await seed(connection, settings)
    return pool, cache


def _enqueuer(broker: BlockingRedisBroker, actor: ActorName) -> Callable[[list[Any]], Awaitable[None]]:
    async def enqueue(items: list[Any]) -> None:
        try:
            await asyncio.to_thread(broker.hand_on, actor, items)
        except redis.RedisError as error:
            raise UnavailableError(f"Redis did not take a hand-off to {actor}: {error}") from error

    return enqueue


def _tick_sender(broker: BlockingRedisBroker) -> Callable[[Tick], Awaitable[None]]:
    async def send_tick(tick: Tick) -> None:
        await asyncio.to_thread(broker.hand_on, ActorName.CLAIM, tick)

    return send_tick
