"""Webhook requests over HTTP/1.1 without a general-purpose client: a tenth of its cost for what webhooks need."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import timedelta

from sendoff_actors.sender.connection import Connection, StaleConnectionError
from sendoff_actors.sender.connection_pool import ConnectionPool
from sendoff_actors.sender.name_lookup import NameLookup
from sendoff_actors.sender.origin import parse_target
from sendoff_actors.sender.transport import Answer, TransportError
from sendoff_domain.addresses import Network
from sendoff_domain.outcome import ErrorClass


class Http1Transport:
    """Posts over kept-alive connections; no redirects, no cookies, no compression, TLS verified."""

    def __init__(self, allowed: Sequence[Network], tls: ssl.SSLContext | None = None) -> None:
        self._pool = ConnectionPool(NameLookup(allowed), tls or ssl.create_default_context())

    async def post(
        self, url: str, headers: dict[str, str], body: bytes, timeout: timedelta, connect_timeout: timedelta
    ) -> Answer:
        """One request; raises TransportError when there is no answer.

        A kept-alive connection that the server closed meanwhile is no failure of the webhook: the request goes out
        once more on a new connection.
        """
        try:
            target = parse_target(url)
        except ValueError as error:
            raise TransportError(ErrorClass.PROTOCOL, str(error)) from error
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        data = target.head + f"content-length: {len(body)}\r\n{lines}\r\n".encode("latin-1") + body
        deadline = asyncio.get_running_loop().time() + timeout.total_seconds()
        connection = self._pool.take_idle(target.origin)
        if connection is not None:
            try:
                return await _exchange(connection, data, deadline)
            except StaleConnectionError:
                pass
        left = deadline - asyncio.get_running_loop().time()
        connection = await self._pool.connect(target.origin, min(left, connect_timeout.total_seconds()))
        return await _exchange(connection, data, deadline)

    async def close(self) -> None:
        """Close all connections."""
        self._pool.close()


async def _exchange(connection: Connection, data: bytes, deadline: float) -> Answer:
    answer = connection.request(data)
    timer = asyncio.get_running_loop().call_at(deadline, _time_out, connection, answer)
    try:
        return await answer
    except asyncio.CancelledError:
        connection.abort()
        raise
    finally:
        timer.cancel()


def _time_out(connection: Connection, answer: "asyncio.Future[Answer]") -> None:
    if not answer.done():
        answer.set_exception(TransportError(ErrorClass.TIMEOUT, "no whole answer in time"))
        connection.abort()
