"""The access log: one line per request, and one write for all lines of one turn of the event loop."""

import asyncio
import io
import json
from datetime import UTC, datetime

import pytest

from sendoff_http.web.request_log import JsonLines, TextLines


class Recorder(io.BytesIO):
    """Remembers each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> int:  # type: ignore[override]  # it is only given bytes
        self.writes.append(data)
        return len(data)


@pytest.mark.parametrize("kind", [TextLines, JsonLines])
async def test_the_lines_of_one_turn_are_written_at_once(kind: type[TextLines]) -> None:
    stream = Recorder()
    log = kind("app-0", stream)
    for turn in range(2):
        for number in range(3):
            log.add("POST", "/v1/messages", 202, 0.0123456, "127.0.0.1", f"r{turn}{number}", "key_1")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert [write.count(b"\n") for write in stream.writes] == [3, 3]
    lines = b"".join(stream.writes).splitlines()
    assert [f"r{turn}{number}".encode() in line for turn in range(2) for number in range(3) for line in lines].count(
        True
    ) == 6


async def test_a_line_for_programs_has_all_fields() -> None:
    stream, before = Recorder(), datetime.now(UTC)
    JsonLines("app-0", stream).add("GET", '/a"b', 404, 0.5, None, "mine", "key_1")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    line = json.loads(stream.writes[0])
    assert abs(datetime.fromisoformat(line.pop("timestamp")) - before).total_seconds() < 5
    assert line == {
        "level": "info",
        "logger": "sendoff.access",
        "process": "app-0",
        "event": "request",
        "method": "GET",
        "path": '/a"b',
        "status": 404,
        "ms": 500.0,
        "peer": None,
        "request_id": "mine",
        "key": "key_1",
    }
