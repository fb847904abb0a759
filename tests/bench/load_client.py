"""A client of the API that costs next to nothing: the same request again and again over kept-alive connections.

Run as `python -m bench.load_client PORT CONNECTIONS SECONDS` with the whole request, head and body, on stdin. Each
connection has one request at a time. It prints JSON: how many were answered with 202 and how many otherwise, the
seconds from the first request to the last answer, and each answer's time in milliseconds at p50 and p99.
"""

import asyncio
import json
import sys
import time

import uvloop

from bench.series import percentile


class Connection(asyncio.Protocol):
    """Sends the request, and again after each answer until the deadline; `ended` tells when the last one is there."""

    def __init__(self, request: bytes, deadline: float) -> None:
        self._request = request
        self._deadline = deadline
        self._buffer = bytearray()
        self._whole = 0
        self._sent_at = 0.0
        self._transport: asyncio.Transport
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.seconds: list[float] = []
        self.refused = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = transport  # type: ignore[assignment]  # TCP: it is one to write to
        self._send()

    def data_received(self, data: bytes) -> None:
        """Count a whole answer and send the next request."""
        self._buffer += data
        if not self._whole:
            self._whole = _length(self._buffer)
        if not self._whole or len(self._buffer) < self._whole:
            return
        now = time.perf_counter()
        if self._buffer.startswith(b"HTTP/1.1 202 "):
            self.seconds.append(now - self._sent_at)
        else:
            self.refused += 1
        self._buffer.clear()
        self._whole = 0
        if now < self._deadline:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end; a connection that the server closed in the middle of a request counts that as refused."""
        self.refused += bool(self._buffer) or exc is not None
        self.ended.set_result(None)

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)


def _length(answer: bytearray) -> int:
    """How long the answer is with its head, 0 while the head is not there yet."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return 0
    name, _, rest = bytes(answer[:end]).lower().partition(b"content-length:")
    assert rest, f"an answer without a length: {name!r}"
    return end + 4 + int(rest.partition(b"\r\n")[0])


async def main(port: int, count: int, seconds: float, request: bytes) -> None:
    """Load the server and print what came of it."""
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    connections = [
        (await loop.create_connection(lambda: Connection(request, began + seconds), "127.0.0.1", port))[1]
        for _ in range(count)
    ]
    await asyncio.gather(*(connection.ended for connection in connections))
    took = time.perf_counter() - began
    times = [second for connection in connections for second in connection.seconds]
    report = {
        "accepted": len(times),
        "refused": sum(connection.refused for connection in connections),
        "seconds": took,
        "p50": percentile(times, 0.5) * 1000,
        "p99": percentile(times, 0.99) * 1000,
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.stdin.buffer.read()))
