"""What an ingest process is made of: a member of the fleet that stores what its sessions on NATS bring."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sendoff_config.identity import Identity
from sendoff_config.metrics.customer_labels import CustomerLabels
from sendoff_config.metrics.process_metrics import exported, new_process_metrics
from sendoff_config.settings import Settings
from sendoff_control.fleet import join_fleet, make_member
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import open_pool
from sendoff_db.pool_metrics import PoolMetrics
from sendoff_ingest.events.sessions import EventSessions
from sendoff_ingest.events.webhooks import EventMessages
from sendoff_ingest.sessions import Sessions
from sendoff_intake.accepted_messages import AcceptedMessages
from sendoff_intake.backlog_figures import BacklogFigures
from sendoff_intake.store import MessageStore, WakeUp
from sendoff_intake.submission_reader import SubmissionReader


@asynccontextmanager
async def open_ingest(
    settings: Settings, identity: Identity, stop: asyncio.Event
) -> AsyncIterator[list[Sessions | EventSessions]]:
    """Connect the process and be a member of the fleet; `stop` ends the sessions, not the membership.

    A process that was started for the events alone takes no messages in.
    """
    name, clock = identity.name, DatabaseClock()  # the member of the fleet keeps the clock
    async with open_pool(settings.postgres, name) as pool:
        member = make_member(settings, pool, identity, clock)
        metrics = new_process_metrics(identity)
        metrics.registry.register(PoolMetrics(pool))
        accepted = AcceptedMessages(CustomerLabels(settings.metrics.customers))
        metrics.registry.register(accepted)
        wake_up = WakeUp(clock, member.publisher.wake)
        store = MessageStore(pool=pool, partitions=settings.partitions, wake_up=wake_up, accepted=accepted)
        figures = BacklogFigures(pool)
        sessions: list[Sessions | EventSessions] = []
        if settings.ingest.enabled or not settings.events.enabled:
            sessions.append(Sessions(settings=settings, name=name, pool=pool, clock=clock, store=store, stop=stop))
        if settings.events.enabled:
            await figures.start()
            messages = EventMessages(
                pool=pool,
                store=store,
                figures=figures,
                reader=SubmissionReader(clock.now),
                source=f"/{settings.control.prefix}",
                fleet_kinds=settings.events.webhook.told,
            )
            sessions.append(
                EventSessions(settings=settings, name=name, pool=pool, clock=clock, messages=messages, stop=stop)
            )
        async with join_fleet(member), exported(metrics, enabled=settings.metrics.enabled):
            try:
                yield sessions
            finally:
                await figures.close()
