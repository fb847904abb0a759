"""The composition root of the API process: the one module that knows every slice."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from sendoff_control.identity import Identity
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import open_pool
from sendoff_db.sealing import new_sealer
from sendoff_domain.settings import Settings
from sendoff_http.accept.acceptor import ACCEPTOR, Acceptor
from sendoff_http.accept.entry_maker import ENTRY_MAKER, EntryMaker
from sendoff_http.accept.store_batch import BATCHES
from sendoff_http.accept.wake_up import WAKE_UP, WakeUp
from sendoff_http.access_log import make_access_log
from sendoff_http.api_document.routes import mount_page
from sendoff_http.api_document.routes import routes as api_document
from sendoff_http.authentication import make_gate
from sendoff_http.cancel_message.routes import routes as cancel_message
from sendoff_http.create_batch.routes import routes as create_batch
from sendoff_http.create_customer.routes import routes as create_customer
from sendoff_http.create_message.routes import routes as create_message
from sendoff_http.dead_letters.bulk_routes import routes as many_dead_letters
from sendoff_http.dead_letters.routes import routes as dead_letters
from sendoff_http.delete_customer.routes import routes as delete_customer
from sendoff_http.explain_message.routes import routes as explain_message
from sendoff_http.exposition.routes import routes as exposition
from sendoff_http.health.routes import routes as health
from sendoff_http.list_attempts.routes import routes as list_attempts
from sendoff_http.list_customers.routes import routes as list_customers
from sendoff_http.list_messages.routes import routes as list_messages
from sendoff_http.list_retries.routes import routes as list_retries
from sendoff_http.membership import MEMBER, join
from sendoff_http.metrics import METRICS, make_metrics
from sendoff_http.observation import Observer
from sendoff_http.openapi import OPENAPI, describe_api
from sendoff_http.operations import Operation, mount
from sendoff_http.pause_customer.routes import routes as pause_customer
from sendoff_http.read_customer.routes import routes as read_customer
from sendoff_http.read_message.routes import routes as read_message
from sendoff_http.reschedule_message.routes import routes as reschedule_message
from sendoff_http.resend_message.routes import routes as resend_message
from sendoff_http.resources import CLOCK, IDENTITY, POOL, SEALER, SETTINGS, database_now
from sendoff_http.rotate_secret.routes import routes as rotate_secret
from sendoff_http.scheduler.routes import routes as scheduler
from sendoff_http.spine import make_spine
from sendoff_http.stats.routes import routes as stats
from sendoff_http.try_webhook.routes import routes as try_webhook
from sendoff_http.try_webhook.webhook_client import open_client
from sendoff_http.update_customer.routes import routes as update_customer
from sendoff_http.webhook_names import open_names

OPERATIONS: list[Operation] = [
    *create_message,
    *create_batch,
    *list_messages,
    *read_message,
    *reschedule_message,
    *cancel_message,
    *list_attempts,
    *explain_message,
    *resend_message,
    *list_retries,
    *many_dead_letters,  # before the one letter, whose id would match their names
    *dead_letters,
    *list_customers,
    *create_customer,
    *read_customer,
    *update_customer,
    *delete_customer,
    *pause_customer,
    *rotate_secret,
    *try_webhook,
    *scheduler,
    *stats,
    *health,
    *exposition,
    *api_document,
]


def create_app(settings: Settings, identity: Identity) -> web.Application:
    """The API of one process; its connections live as long as the application runs."""
    metrics = make_metrics()
    log = make_access_log(settings.logging, identity.name)
    spine = make_spine(Observer(metrics, log), make_gate(settings.http.api_keys))
    app = web.Application(middlewares=[spine], client_max_size=0)
    app[SETTINGS], app[IDENTITY], app[METRICS] = settings, identity, metrics
    app[CLOCK] = DatabaseClock()  # the member of the fleet keeps it
    app[SEALER] = new_sealer(settings.security)
    app[OPENAPI] = describe_api(OPERATIONS)
    mount(app, OPERATIONS)
    mount_page(app)
    app.cleanup_ctx.extend([_pool, join, _acceptor, open_names, open_client])
    return app


async def _pool(app: web.Application) -> AsyncIterator[None]:
    async with open_pool(app[SETTINGS].postgres, "http") as pool:
        app[POOL] = pool
        yield


async def _acceptor(app: web.Application) -> AsyncIterator[None]:
    app[ENTRY_MAKER] = EntryMaker(lambda: database_now(app))
    app[BATCHES] = asyncio.Semaphore(max(1, app[SETTINGS].postgres.pool_size - 2))
    app[WAKE_UP] = WakeUp(app[CLOCK], app[MEMBER].wake)
    acceptor = app[ACCEPTOR] = Acceptor(app[POOL], app[SETTINGS].partitions, app[WAKE_UP], app[METRICS].accepted)
    task = asyncio.create_task(acceptor.run())
    yield
    acceptor.close()  # by now no handler runs any more
    await task
