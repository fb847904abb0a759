"""The composition root of the API process, and its table of contents: the one module that knows every use case."""

import asyncio
from functools import lru_cache
from typing import Any

from aiohttp import web

from sendoff_config.identity import Identity
from sendoff_config.settings import Settings
from sendoff_db.clock import DatabaseClock
from sendoff_http.admin.site import mount_admin
from sendoff_http.audit.list import routes as list_audit
from sendoff_http.customers.create import routes as create_customer
from sendoff_http.customers.delete import routes as delete_customer
from sendoff_http.customers.list import routes as list_customers
from sendoff_http.customers.pause import routes as pause_customer
from sendoff_http.customers.read import routes as read_customer
from sendoff_http.customers.rotate_secret import routes as rotate_secret
from sendoff_http.customers.stats import routes as customer_stats
from sendoff_http.customers.test import routes as try_webhook
from sendoff_http.customers.update import routes as update_customer
from sendoff_http.dead_letters.delete import routes as delete_dead_letter
from sendoff_http.dead_letters.list import routes as list_dead_letters
from sendoff_http.dead_letters.purge import routes as purge_dead_letters
from sendoff_http.dead_letters.read import routes as read_dead_letter
from sendoff_http.dead_letters.resend import routes as resend_dead_letter
from sendoff_http.dead_letters.resend_many import routes as resend_dead_letters
from sendoff_http.fleet.read import routes as read_scheduler
from sendoff_http.fleet.start import routes as start_scheduler
from sendoff_http.fleet.stop import routes as stop_scheduler
from sendoff_http.jobs.cancel import routes as cancel_job
from sendoff_http.jobs.download import routes as download_piece
from sendoff_http.jobs.list import routes as list_jobs
from sendoff_http.jobs.pause import routes as pause_job
from sendoff_http.jobs.read import routes as read_job
from sendoff_http.jobs.rejections import routes as list_rejections
from sendoff_http.jobs.upload import routes as upload_piece
from sendoff_http.keys.create import routes as create_key
from sendoff_http.keys.list import routes as list_keys
from sendoff_http.keys.read import routes as read_key
from sendoff_http.keys.revoke import routes as revoke_key
from sendoff_http.lifetimes import LIFETIMES
from sendoff_http.messages.cancel import routes as cancel_message
from sendoff_http.messages.cancel_many import routes as cancel_messages
from sendoff_http.messages.create import routes as create_message
from sendoff_http.messages.create_batch import routes as create_batch
from sendoff_http.messages.explain import routes as explain_message
from sendoff_http.messages.export_many import routes as export_messages
from sendoff_http.messages.import_many import routes as import_messages
from sendoff_http.messages.list import routes as list_messages
from sendoff_http.messages.list_attempts import routes as list_attempts
from sendoff_http.messages.list_retries import routes as list_retries
from sendoff_http.messages.read import routes as read_message
from sendoff_http.messages.reschedule import routes as reschedule_message
from sendoff_http.messages.reschedule_many import routes as reschedule_messages
from sendoff_http.messages.resend import routes as resend_message
from sendoff_http.operations.channels import describe_streams
from sendoff_http.operations.docs import mount_page
from sendoff_http.operations.docs import routes as api_document
from sendoff_http.operations.liveness import routes as liveness
from sendoff_http.operations.metrics import routes as metrics
from sendoff_http.operations.readiness import routes as readiness
from sendoff_http.operations.stats import routes as stats
from sendoff_http.operations.stream_docs import routes as stream_document
from sendoff_http.web.asyncapi import ASYNCAPI
from sendoff_http.web.authentication import AUTHENTICATION, Authentication
from sendoff_http.web.keys import CLOCK, IDENTITY, KEY_CIPHER, LEAVING, SETTINGS
from sendoff_http.web.middleware import MIDDLEWARE, make_middleware
from sendoff_http.web.openapi import OPENAPI, describe_api
from sendoff_http.web.operation import Operation, mount
from sendoff_http.web.request_log import METRICS, RequestLog, make_metrics
from sendoff_http.web.responses import name_server
from sendoff_http.web.sites import SITES, Sites
from sendoff_webhooks.keys.encryption import new_key_cipher

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
    *cancel_messages,
    *reschedule_messages,
    *import_messages,
    *export_messages,
    *resend_dead_letters,
    *purge_dead_letters,
    *list_dead_letters,
    *read_dead_letter,
    *resend_dead_letter,
    *delete_dead_letter,
    *list_jobs,
    *read_job,
    *pause_job,
    *cancel_job,
    *upload_piece,
    *download_piece,
    *list_rejections,
    *list_customers,
    *create_customer,
    *read_customer,
    *update_customer,
    *delete_customer,
    *pause_customer,
    *rotate_secret,
    *customer_stats,
    *try_webhook,
    *start_scheduler,
    *stop_scheduler,
    *read_scheduler,
    *list_keys,
    *create_key,
    *read_key,
    *revoke_key,
    *list_audit,
    *stats,
    *liveness,
    *readiness,
    *metrics,
    *api_document,
    *stream_document,
]


def create_app(settings: Settings, identity: Identity) -> web.Application:
    """The API of one process; what it holds lives as long as the application runs."""
    numbers = make_metrics(identity, settings.metrics)
    request_log = RequestLog(numbers, settings.logging, identity.name)
    authentication = Authentication(settings.http.callers, needs_key=settings.http.needs_key)
    sites, leaving = Sites(settings.http.hosts), asyncio.Event()
    app = web.Application(client_max_size=0)
    app[MIDDLEWARE] = make_middleware(request_log, authentication, sites, leaving)
    app[AUTHENTICATION], app[SITES] = authentication, sites
    app[SETTINGS], app[IDENTITY], app[METRICS], app[LEAVING] = settings, identity, numbers, leaving
    app[CLOCK] = DatabaseClock()  # the member of the fleet keeps it
    app[KEY_CIPHER] = new_key_cipher(settings.security)
    app[OPENAPI] = openapi_document(needs_key=settings.http.needs_key)
    app[ASYNCAPI] = describe_streams(settings.control.prefix)
    app.on_response_prepare.append(name_server)
    mount(app, OPERATIONS)
    mount_page(app)
    app.cleanup_ctx.extend(LIFETIMES)
    mount_admin(app)
    return app


@lru_cache(maxsize=2)
def openapi_document(*, needs_key: bool) -> dict[str, Any]:
    """The OpenAPI document; a process describes the API once, whatever it makes of it."""
    return describe_api(OPERATIONS, needs_key=needs_key)
