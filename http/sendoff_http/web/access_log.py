"""One line per request on standard error, written together: a line by itself costs as much as reading the request."""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from sendoff_config.settings import LoggingSettings

#: Method, path, status, seconds, peer, request id.
AccessLog = Callable[[str, str, int, float, str | None, str], None]


def make_access_log(settings: LoggingSettings, process: str) -> AccessLog:
    """A function that logs one request, as `logging` says; it does nothing above the level info."""
    if settings.level not in ("debug", "info"):
        return _nothing
    return (JsonLines if settings.format == "json" else TextLines)(process, sys.stderr.buffer).add


def _nothing(*_: object) -> None:
    return


class TextLines:
    """Lines for people. What is added in one turn of the event loop is written together in the next one."""

    def __init__(self, process: str, stream: BinaryIO) -> None:
        self._process = process
        self._stream = stream
        self._lines: list[bytes] = []
        self._ms = 0
        self._shown = ""

    def add(  # noqa: PLR0917  called for every request, where keywords cost
        self, method: str, path: str, status: int, seconds: float, peer: str | None, request_id: str
    ) -> None:
        """Log one request, by this turn's end."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        self._lines.append(self._line(method, path, status, round(seconds * 1000, 2), peer, request_id))

    def _line(  # noqa: PLR0917  called by `add`
        self, method: str, path: str, status: int, ms: float, peer: str | None, request_id: str
    ) -> bytes:
        text = (
            f"{self._now()} [info] request process={self._process} method={method} path={path} status={status} ms={ms} "
            f"peer={peer} request_id={request_id}\n"
        )
        return text.encode("utf-8", "backslashreplace")

    def _now(self) -> str:
        """The time to the millisecond; many lines share one text."""
        ms = time.time_ns() // 1_000_000
        if ms != self._ms:
            second, rest = divmod(ms, 1000)
            day_and_time = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._ms, self._shown = ms, f"{day_and_time}.{rest:03d}+00:00"
        return self._shown

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        self._stream.write(b"".join(lines))
        self._stream.flush()


class JsonLines(TextLines):
    """Lines for programs: one JSON object each."""

    def _line(  # noqa: PLR0917  called by `add`
        self, method: str, path: str, status: int, ms: float, peer: str | None, request_id: str
    ) -> bytes:
        line = {
            "level": "info",
            "logger": "sendoff.access",
            "timestamp": self._now(),
            "process": self._process,
            "event": "request",
            "method": method,
            "path": path,
            "status": status,
            "ms": ms,
            "peer": peer,
            "request_id": request_id,
        }
        return msgspec.json.encode(line) + b"\n"
