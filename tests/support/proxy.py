"""A TCP proxy in front of a server, so that one test can lose a server that all the others share."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Forwards connections to `upstream`; they can be cut (closed, as are new ones) or frozen (open but silent)."""

    def __init__(self, upstream: str, port: int) -> None:
        self._upstream = urlsplit(upstream)
        self._port = port
        self._connections: dict[asyncio.Task[None], asyncio.Event] = {}
        self._is_cut = False

    @property
    def url(self) -> str:
        """The server's URL, by way of this proxy."""
        user, at, _ = self._upstream.netloc.rpartition("@")
        return urlunsplit(self._upstream._replace(netloc=f"{user}{at}127.0.0.1:{self._port}"))

    def restore(self) -> None:
        """Let connections live again."""
        self._is_cut = False

    async def cut(self) -> None:
        """Close every connection, and each new one at once."""
        self._is_cut = True
        connections = list(self._connections)
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def freeze(self, *, oldest_only: bool = False) -> None:
        """Keep the present connections open but let nothing through; new ones work."""
        for flowing in list(self._connections.values())[: 1 if oldest_only else None]:
            flowing.clear()

    def thaw(self) -> None:
        """Let everything through again, what was held back first."""
        for flowing in self._connections.values():
            flowing.set()

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        flowing = self._connections[task] = asyncio.Event()
        flowing.set()
        try:
            async with _closing(writer):
                if not self._is_cut:
                    await self._join(reader, writer, flowing)
        except asyncio.CancelledError:
            pass  # cut: asyncio's streams complain about a cancelled connection handler
        finally:
            del self._connections[task]

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
        there_reader, there_writer = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        async with _closing(there_writer):
            pumps = [
                asyncio.ensure_future(_pump(reader, there_writer, flowing)),
                asyncio.ensure_future(_pump(there_reader, writer, flowing)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
    while data := await reader.read(65536):
        await flowing.wait()
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def open_proxy(upstream: str) -> AsyncIterator[Proxy]:
    """A proxy in front of that server until the block ends."""
    opened: asyncio.Future[Proxy] = asyncio.get_running_loop().create_future()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (await opened).forward(reader, writer)

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    proxy = Proxy(upstream, server.sockets[0].getsockname()[1])
    opened.set_result(proxy)
    try:
        yield proxy
    finally:
        await proxy.cut()
        server.close()
        await server.wait_closed()
