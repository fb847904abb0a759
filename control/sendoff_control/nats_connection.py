"""How a process connects to NATS: one client for each session, which never reconnects by itself.

It would replay what it buffered meanwhile, and it gives up for good on some errors anyway (nats-py `_process_err`).
"""

import asyncio
import contextlib
import ssl
from typing import Any

import structlog
from nats.aio.client import Client

from sendoff_config.settings import NatsSettings

#: How long one server is waited for (seconds).
CONNECT_TIMEOUT = 3
CLOSE_TIMEOUT = 0.5
#: Two pings without an answer end the session.
PING_INTERVAL: float = 5

log = structlog.get_logger("sendoff.nats")


def connection_options(settings: NatsSettings, name: str, closed: asyncio.Event) -> dict[str, Any]:
    """What a client connects with; `closed` is set when its session has ended."""

    async def on_closed() -> None:
        closed.set()

    async def on_error(error: Exception) -> None:
        log.debug("an error on nats", error=str(error))

    return {
        "servers": [server.strip() for server in (settings.url or "").split(",")],
        "name": name,
        "allow_reconnect": False,
        "max_reconnect_attempts": 1,  # or the first connect tries each server for two minutes
        "reconnect_time_wait": 0.05,
        "connect_timeout": CONNECT_TIMEOUT,
        "ping_interval": PING_INTERVAL,
        "max_outstanding_pings": 2,
        "closed_cb": on_closed,
        "error_cb": on_error,
        "user": settings.user,
        "password": settings.password and settings.password.get_secret_value(),
        "token": settings.token and settings.token.get_secret_value(),
        "user_credentials": settings.creds,
        "tls": ssl.create_default_context() if settings.tls else None,
    }


async def fail_when(closed: asyncio.Event, client: Client) -> None:
    """Wait until the session has ended, and raise ConnectionError with what the client knows of it."""
    await closed.wait()
    raise ConnectionError(str(client.last_error or "the server closed the connection"))


async def close_client(client: Client) -> None:
    """Close the connection, whatever its state; a server that does not answer is not waited for."""
    with contextlib.suppress(Exception):  # a connection that breaks while it is closed is closed as well
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await client.close()
