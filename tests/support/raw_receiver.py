"""A webhook that is scripted byte by byte: a TCP or TLS server on the test's own loop, which may misbehave."""

import asyncio
import os
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Peer:
    """The receiver's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.requests: list[bytes] = []
        #: Whether the client has closed its end, however it did.
        self.is_gone = False

    @property
    def server_name(self) -> str | None:
        """The name in the client's TLS hello, where the server context notes it."""
        found: str | None = getattr(self._writer.get_extra_info("ssl_object"), "noted_server_name", None)
        return found

    @property
    def tls_version(self) -> str | None:
        """The version both sides agreed on."""
        found: str | None = self._writer.get_extra_info("ssl_object").version()
        return found

    async def request(self) -> bytes:
        """Read one whole request."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)\r\n", head)
        whole = head + await self._reader.readexactly(int(length[1]) if length else 0)
        self.requests.append(whole)
        return whole

    async def read(self, size: int) -> bytes:
        """Read some bytes of a request, and no more."""
        return await self._reader.readexactly(size)

    async def send(self, data: bytes) -> None:
        """Write, and wait until the client's system takes it."""
        if self._writer.is_closing():  # uvloop would raise an error that is none of the network
            raise ConnectionResetError("the connection is closed")
        self._writer.write(data)
        await self._writer.drain()

    def half_close(self) -> None:
        """Write no more, but go on reading (plain connections only)."""
        self._writer.write_eof()

    def close(self) -> None:
        """Close in good order."""
        self._writer.close()

    def cut(self) -> None:
        """Close TCP without a word, and without TLS's goodbye."""
        with socket.socket(fileno=os.dup(self._writer.get_extra_info("socket").fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Close with a TCP reset."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the client has closed the connection."""
        with suppress(OSError, ssl.SSLError):
            while await self._reader.read(65536):
                pass
        self.is_gone = True


Script = Callable[[Peer], Awaitable[None]]


def answering(*parts: bytes) -> Script:
    """Answer every request on a connection with these bytes, until the client is gone."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            for part in parts:
                await peer.send(part)

    return script


def answering_once(*parts: bytes) -> Script:
    """Answer the first request on a connection with these bytes, and close."""

    async def script(peer: Peer) -> None:
        await peer.request()
        for part in parts:
            await peer.send(part)

    return script


class RawReceiver:
    """A listening server: `script` is what happens on each connection, which is closed when the script ends."""

    def __init__(self, script: Script, scheme: str) -> None:
        self.script = script
        self.peers: list[Peer] = []
        self.port = 0
        self._scheme = scheme
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []

    @property
    def url(self) -> str:
        """Where to post, by address."""
        return self.url_at("127.0.0.1")

    @property
    def requests(self) -> list[bytes]:
        """All requests that arrived whole, connection by connection."""
        return [request for peer in self.peers for request in peer.requests]

    def url_at(self, host: str, path: str = "/in") -> str:
        """Where to post, by any name that leads here."""
        return f"{self._scheme}://{host}:{self.port}{path}"

    async def listen(self, tls: ssl.SSLContext | None, host: str, port: int) -> None:
        """Let clients in."""
        self._server = await asyncio.start_server(self._accept, host, port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and cut all connections; raises what went wrong in a script."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._failures:
            raise self._failures[0]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        self.peers.append(peer)
        task = asyncio.get_running_loop().create_task(self._play(peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _play(self, peer: Peer) -> None:
        try:
            await self.script(peer)
        except (asyncio.IncompleteReadError, OSError):
            peer.is_gone = True
        except Exception as error:  # noqa: BLE001  a script's mistake fails the test, in stop()
            self._failures.append(error)
        finally:
            peer.close()


@asynccontextmanager
async def raw_receiver(
    script: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[RawReceiver]:
    """Listen while the block runs."""
    receiver = RawReceiver(script, "http" if tls is None else "https")
    await receiver.listen(tls, host, port)
    try:
        yield receiver
    finally:
        await receiver.stop()


@asynccontextmanager
async def full_backlog() -> AsyncIterator[int]:
    """The port of a socket that accepts nobody and has no room for one more to wait."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(listening.getsockname())
        try:
            yield listening.getsockname()[1]
        finally:
            for one in waiting:
                one.close()


@asynccontextmanager
async def refusing_handshakes(tls: ssl.SSLContext) -> AsyncIterator[int]:
    """The port of a server that tells its client by a TLS alert why it refuses; asyncio's servers just close."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection.dup() as same, suppress(OSError):
            with suppress(ssl.SSLError):
                tls.wrap_socket(connection, server_side=True)
            while same.recv(65536):  # a close with something unread would overtake the alert
                pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(asyncio.to_thread(serve))
        yield listening.getsockname()[1]
        await serving


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
