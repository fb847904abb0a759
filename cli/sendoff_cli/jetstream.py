"""A connection to JetStream for a command."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats.aio.client import Client
from nats.errors import Error
from nats.js import JetStreamContext

from sendoff_config.settings import Settings
from sendoff_control.nats_connection import close_client, connection_options
from sendoff_domain.errors import SendoffError

_CONNECT_SECONDS = 10.0


@asynccontextmanager
async def connected_jetstream(settings: Settings, name: str) -> AsyncIterator[JetStreamContext]:
    """A connection that comes back by itself; what it sends twice the stream knows by its id."""
    if settings.nats.url is None:
        raise SendoffError("nats.url is not set, and no `sendoff up` with a NATS of its own has run here (--data)")
    client = Client()
    options = connection_options(settings.nats, name, asyncio.Event())
    options |= {"allow_reconnect": True, "max_reconnect_attempts": -1, "reconnect_time_wait": 0.25, "error_cb": _ignore}
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await client.connect(**options)
    except TimeoutError:
        await close_client(client)
        raise SendoffError(f"NATS does not let us in: {client.last_error or 'no answer'}") from None
    except Error as error:
        await close_client(client)
        raise SendoffError(f"NATS does not let us in: {error}") from None
    try:
        yield client.jetstream()
    except Error as error:
        raise SendoffError(f"NATS: {error}") from None
    finally:
        await close_client(client)


async def _ignore(_: Exception) -> None:
    """What matters of it comes as an exception, too."""
