"""What one API process holds from its start to its end, each behind a key of `web/keys`.

Each function is a context of aiohttp: what stands before the `yield` runs at the start, in the order of LIFETIMES, and
what stands behind it at the end, in the opposite order, when no handler runs any more.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

from aiohttp import web

from sendoff_config.metrics.process_metrics import exported
from sendoff_config.tracing.tracer import open_tracer
from sendoff_control.fleet import join_fleet, make_member
from sendoff_db.pool import open_pool
from sendoff_db.pool_metrics import PoolMetrics
from sendoff_http.customers.webhooks import hold_webhook_client
from sendoff_http.operations.fleet_gauges import FLEET_READER, FleetReader
from sendoff_http.web.body_memory import BodyMemory
from sendoff_http.web.key_cache import KEY_CACHE, hold_key_cache
from sendoff_http.web.keys import (
    BACKLOGS,
    BATCH_MEMORY,
    CLOCK,
    IDENTITY,
    INTAKE,
    MEMBER,
    POOL,
    SETTINGS,
    SUBMISSION_READER,
    TRACER,
    database_now,
)
from sendoff_http.web.request_log import METRICS
from sendoff_intake.admission import Admitter
from sendoff_intake.backlog_figures import BacklogFigures
from sendoff_intake.group_commit import AdmittingIntake, GroupCommit
from sendoff_intake.store import MessageStore, WakeUp
from sendoff_intake.submission_reader import SubmissionReader

#: The bodies of batches that are in a process at a time: two of the largest.
_BATCH_BYTES = 130 * 1024 * 1024
#: A list of a large table may take long; what a client waits for in a hurry has limits of its own.
_LONGEST_READ = timedelta(seconds=30)


async def hold_pool(app: web.Application) -> AsyncIterator[None]:
    """Hold the connections to PostgreSQL."""
    postgres = app[SETTINGS].postgres
    async with open_pool(postgres, "http", patience=max(postgres.timeout, _LONGEST_READ)) as pool:
        app[POOL] = pool
        app[METRICS].of_process.registry.register(PoolMetrics(pool))
        yield


async def hold_tracer(app: web.Application) -> AsyncIterator[None]:
    """Hold what makes spans, if tracing is on."""
    async with open_tracer(app[SETTINGS].tracing, app[IDENTITY]) as tracer:
        app[TRACER] = tracer
        yield


async def hold_metrics(app: web.Application) -> AsyncIterator[None]:
    """Leave the numbers of this process to the others of its instance, any of which may be asked for them."""
    app[FLEET_READER] = FleetReader(app[POOL], app[SETTINGS].partitions)
    async with exported(app[METRICS].of_process, enabled=app[SETTINGS].metrics.enabled):
        yield


async def hold_backlogs(app: web.Application) -> AsyncIterator[None]:
    """Know of how many customers so many messages may wait, and how many do."""
    backlogs = app[BACKLOGS] = BacklogFigures(app[POOL])
    await backlogs.start()
    yield
    await backlogs.close()


async def hold_membership(app: web.Application) -> AsyncIterator[None]:
    """Be a member of the fleet: this process hears of starts and stops, and can command them."""
    app[MEMBER] = make_member(app[SETTINGS], app[POOL], app[IDENTITY], app[CLOCK])
    app[MEMBER].subscribe(on_customer=app[KEY_CACHE].forget_customer)
    app[MEMBER].subscribe(on_customer=app[BACKLOGS].forget)
    async with join_fleet(app[MEMBER]):
        yield


async def hold_intake(app: web.Application) -> AsyncIterator[None]:
    """Take messages in: one by one through the group commit, and a bounded number of batches beside it."""
    app[SUBMISSION_READER] = SubmissionReader(lambda: database_now(app))
    wake_up = WakeUp(app[CLOCK], app[MEMBER].publisher.wake)
    store = MessageStore(
        pool=app[POOL], partitions=app[SETTINGS].partitions, wake_up=wake_up, accepted=app[METRICS].accepted
    )
    app[BATCH_MEMORY] = BodyMemory(_BATCH_BYTES)
    group_commit = GroupCommit(store)
    app[INTAKE] = AdmittingIntake(Admitter(app[BACKLOGS], app[METRICS].refused), group_commit, store)
    yield
    await group_commit.close()


LIFETIMES = (
    hold_tracer,
    hold_pool,
    hold_metrics,
    hold_key_cache,
    hold_backlogs,
    hold_membership,
    hold_intake,
    hold_webhook_client,
)
