"""A webhook that costs next to nothing, so that a benchmark measures the sender: a bare protocol in its own process.

Run as `python -m bench.lean_receiver [KEY [DELAY]]`; it prints its port. `GET /count` gives how many requests arrived,
`GET /report` gives all of them as JSON, `GET /reset` forgets them. With a key (hexadecimal) every hundredth signature
is verified; with a delay (seconds) every answer comes so late.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
from array import array

import uvloop

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n" + b'{"messageId":"x"}'
_SAMPLE = 100
_ID_LENGTH = 36


class Ledger:
    """What arrived: ids, and when (Unix seconds)."""

    def __init__(self, key: bytes | None, answer_delay: float) -> None:
        self.key = key
        self.answer_delay = answer_delay
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.ids: list[bytes] = []
        self.arrivals = array("d")
        self.bad_signatures = 0

    def report(self) -> bytes:
        """Everything as JSON."""
        ids = [one.decode() for one in self.ids]
        document = {"ids": ids, "arrivals": self.arrivals.tolist(), "badSignatures": self.bad_signatures}
        return json.dumps(document).encode()

    def take(self, arrived_at: float, head: bytes, body: bytes) -> None:
        """Write one request down."""
        self.arrivals.append(arrived_at)
        start = head.find(b"webhook-id: ") + 12
        self.ids.append(head[start : start + _ID_LENGTH])
        if self.key is not None and len(self.ids) % _SAMPLE == 1:
            self.bad_signatures += not _is_signed(self.key, head, body)


def _header(head: bytes, name: bytes) -> bytes:
    found = head.find(b"\r\n" + name + b": ")
    if found < 0:
        return b""
    start = found + len(name) + 4
    return head[start : head.find(b"\r\n", start)]


def _is_signed(key: bytes, head: bytes, body: bytes) -> bool:
    content = b".".join((_header(head, b"webhook-id"), _header(head, b"webhook-timestamp"), body))
    expected = b"v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256))
    return expected in _header(head, b"webhook-signature").split()


class Webhook(asyncio.Protocol):
    """One connection."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        self._transport = transport  # type: ignore[assignment]  # TCP: it is one to write to

    def data_received(self, data: bytes) -> None:
        """Answer every complete request in what arrived so far."""
        now = time.time()
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[: end + 2].replace(b"Content-Length", b"content-length")
            if head.startswith(b"GET"):
                self._inspect(head)
                self._buffer = self._buffer[end + 4 :]
                continue
            whole = end + 4 + int(_header(head, b"content-length") or 0)
            if len(self._buffer) < whole:
                return
            self._ledger.take(now, head, self._buffer[end + 4 : whole])
            self._buffer = self._buffer[whole:]
            self._answer()

    def _answer(self) -> None:
        if self._ledger.answer_delay:
            asyncio.get_running_loop().call_later(self._ledger.answer_delay, self._write_answer)
        else:
            self._transport.write(_ANSWER)

    def _write_answer(self) -> None:
        if not self._transport.is_closing():  # whoever asked may have been killed meanwhile
            self._transport.write(_ANSWER)

    def _inspect(self, head: bytes) -> None:
        body = str(len(self._ledger.ids)).encode()
        if head.startswith(b"GET /report"):
            body = self._ledger.report()
        elif head.startswith(b"GET /reset"):
            self._ledger.reset()
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


async def serve(key: bytes | None, answer_delay: float) -> None:
    """Serve until the process is ended."""
    ledger = Ledger(key, answer_delay)
    server = await asyncio.get_running_loop().create_server(lambda: Webhook(ledger), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    _, key_hex, delay = [*sys.argv, "", "0"][:3]
    uvloop.run(serve(bytes.fromhex(key_hex) or None, float(delay or 0)))
