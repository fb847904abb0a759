"""A connection of the webhook client without a socket: bytes are fed to it by hand."""

import asyncio
from collections.abc import Sequence

from sendoff_domain.webhook_response import Response
from sendoff_webhooks.client.connection import Connection


class Wire(asyncio.Transport):
    """What a connection writes to; it takes everything and is closed when told so."""

    def __init__(self) -> None:
        super().__init__()
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take it."""

    def get_write_buffer_size(self) -> int:
        """All is sent."""
        return 0

    def is_closing(self) -> bool:
        """Whether the connection was closed from this side."""
        return self.is_closed

    def abort(self) -> None:
        """Close."""
        self.is_closed = True


async def feed(parts: Sequence[bytes], *, with_end: bool) -> tuple[Response | BaseException | None, bool]:
    """What a new connection makes of these bytes, and whether it would take another request."""
    wire, idle = Wire(), list[Connection]()
    connection = Connection(idle.append, lambda _: None)
    connection.connection_made(wire)
    waiter = connection.request(b"POST / HTTP/1.1\r\n\r\n")
    for part in parts:
        if not wire.is_closed:
            connection.data_received(part)
    if with_end:
        connection.eof_received()
    if wire.is_closed:
        connection.connection_lost(None)
    result = (waiter.exception() or waiter.result()) if waiter.done() else None
    return result, bool(idle) and not connection.closed
