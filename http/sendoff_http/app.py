"""The composition root of the API process: the one module that knows every slice."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from sendoff_config.identity import Identity
from sendoff_config.settings import Settings
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import open_pool
from sendoff_http.customers.create import routes as create_customer
from sendoff_http.customers.delete import routes as delete_customer
from sendoff_http.customers.list import routes as list_customers
from sendoff_http.customers.pause import routes as pause_customer
from sendoff_http.customers.read import routes as read_customer
from sendoff_http.customers.rotate_secret import routes as rotate_secret
from sendoff_http.customers.test import routes as try_webhook
from sendoff_http.customers.update import routes as update_customer
from sendoff_http.customers.webhook_client import open_client
from sendoff_http.customers.webhook_names import open_names
from sendoff_http.dead_letters.bulk import routes as many_dead_letters
from sendoff_http.dead_letters.letters import routes as dead_letters
from sendoff_http.fleet.membership import join
from sendoff_http.fleet.scheduler import routes as scheduler
from sendoff_http.messages.cancel import routes as cancel_message
from sendoff_http.messages.create import routes as create_message
from sendoff_http.messages.create_batch import routes as create_batch
from sendoff_http.messages.explain import routes as explain_message
from sendoff_http.messages.list import routes as list_messages
from sendoff_http.messages.list_attempts import routes as list_attempts
from sendoff_http.messages.list_retries import routes as list_retries
from sendoff_http.messages.read import routes as read_message
from sendoff_http.messages.reschedule import routes as reschedule_message
from sendoff_http.messages.resend import routes as resend_message
from sendoff_http.operations.docs import mount_page
from sendoff_http.operations.docs import routes as api_document
from sendoff_http.operations.health import routes as health
from sendoff_http.operations.metrics import routes as exposition
from sendoff_http.operations.stats import routes as stats
from sendoff_http.web.access_log import make_access_log
from sendoff_http.web.authentication import make_authenticate
from sendoff_http.web.keys import CLOCK, IDENTITY, MEMBER, POOL, SEALER, SETTINGS, database_now
from sendoff_http.web.middleware import make_middleware
from sendoff_http.web.openapi import OPENAPI, describe_api
from sendoff_http.web.operation import Operation, mount
from sendoff_http.web.request_log import RequestLog
from sendoff_http.web.request_metrics import METRICS, make_metrics
from sendoff_intake.group_commit import ACCEPTOR, Acceptor
from sendoff_intake.store_batch import BATCHES
from sendoff_intake.submission_reader import ENTRY_MAKER, EntryMaker
from sendoff_intake.wake_up import WAKE_UP, WakeUp
from sendoff_webhooks.keys.encryption import new_sealer

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
    middleware = make_middleware(RequestLog(metrics, log), make_authenticate(settings.http.api_keys))
    app = web.Application(middlewares=[middleware], client_max_size=0)
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
