"""The numbers of an instance's processes on a port of their own: for one without an API, or with keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from sendoff_config.metrics.families import Gathered
from sendoff_config.metrics.folder import read_folder
from sendoff_config.settings import MetricsSettings
from sendoff_domain.errors import SendoffError


@asynccontextmanager
async def served_metrics(settings: MetricsSettings, folder: Path | None) -> AsyncIterator[None]:
    """Serve what is in the folder as /metrics at `metrics.port`, if that is set, as long as the block lasts.

    Raises SendoffError when the port can't be had.
    """
    if settings.port is None or folder is None:
        yield
        return
    runner = web.AppRunner(metrics_app(folder), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        await runner.cleanup()
        raise SendoffError(
            f"metrics.port: cannot listen on port {settings.port} of {settings.host}: {error.strerror}"
        ) from None
    try:
        yield
    finally:
        await runner.cleanup()


def metrics_app(folder: Path) -> web.Application:
    """What answers; it asks no server, so that it answers as long as the instance lives."""

    async def read_metrics(_: web.Request) -> web.Response:
        body = generate_latest(Gathered(read_folder(folder)))
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", read_metrics)
    return app
