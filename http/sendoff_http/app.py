"""The composition root of the API process: the one module that knows every slice."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import psycopg
from aiohttp import web
from psycopg_pool import PoolTimeout

from sendoff_control.identity import Identity
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import open_pool
from sendoff_domain.settings import Settings
from sendoff_http.accept.acceptor import ACCEPTOR, Acceptor
from sendoff_http.access_log import make_access_log
from sendoff_http.api_document.routes import mount_page
from sendoff_http.api_document.routes import routes as api_document
from sendoff_http.authentication import authenticate
from sendoff_http.create_message.routes import routes as create_message
from sendoff_http.metrics import METRICS, make_metrics
from sendoff_http.observation import observe
from sendoff_http.openapi import OPENAPI, describe_api
from sendoff_http.operations import Operation, mount
from sendoff_http.problems import answer_problems
from sendoff_http.read_message.routes import routes as read_message
from sendoff_http.resources import CLOCK, IDENTITY, POOL, SETTINGS

_CLOCK_EVERY_SECONDS = 10

OPERATIONS: list[Operation] = [*create_message, *read_message, *api_document]


def create_app(settings: Settings, identity: Identity) -> web.Application:
    """The API of one process; its connections live as long as the application runs."""
    metrics = make_metrics()
    log = make_access_log(settings.logging, identity.name)
    app = web.Application(
        middlewares=[observe(metrics, log), answer_problems, authenticate(settings.http.api_keys)], client_max_size=0
    )
    app[SETTINGS], app[IDENTITY], app[METRICS] = settings, identity, metrics
    app[OPENAPI] = describe_api(OPERATIONS)
    mount(app, OPERATIONS)
    mount_page(app)
    app.cleanup_ctx.extend([_pool, _clock, _acceptor])
    return app


async def _pool(app: web.Application) -> AsyncIterator[None]:
    async with open_pool(app[SETTINGS].postgres, "http") as pool:
        app[POOL] = pool
        yield


async def _clock(app: web.Application) -> AsyncIterator[None]:
    app[CLOCK] = DatabaseClock()
    task = asyncio.create_task(_read_clock(app))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _read_clock(app: web.Application) -> None:
    while True:
        with contextlib.suppress(psycopg.Error, PoolTimeout):  # the next turn tries again
            async with app[POOL].connection() as connection:
                await app[CLOCK].sample(connection)
        await asyncio.sleep(_CLOCK_EVERY_SECONDS)


async def _acceptor(app: web.Application) -> AsyncIterator[None]:
    acceptor = app[ACCEPTOR] = Acceptor(app[POOL], app[SETTINGS].partitions)
    task = asyncio.create_task(acceptor.run())
    yield
    acceptor.close()  # by now no handler runs any more
    await task
