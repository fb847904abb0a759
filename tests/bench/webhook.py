"""The benchmark's side of the lean webhook: start it, and ask what arrived."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection

from bench.children import child, read_line


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What arrived, in order: message ids with their moments (Unix seconds), and wrong signatures in the sample."""

    ids: list[str]
    moments: list[float]
    bad_signatures: int

    @property
    def duplicates(self) -> int:
        """How many requests repeated an earlier one."""
        return len(self.ids) - len(set(self.ids))

    @property
    def span(self) -> float:
        """Seconds between the first and the last request."""
        return max(self.moments) - min(self.moments) if self.moments else 0.0

    def lost(self, expected: set[str]) -> int:
        """How many of the expected messages are not here."""
        return len(expected - set(self.ids))


class Webhook:
    """A running webhook that verifies with `key`."""

    def __init__(self, port: int, pid: int, key: bytes) -> None:
        self.port = port
        self.pid = pid
        self.key = key
        self.url = f"http://127.0.0.1:{port}/hook"
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)

    def count(self) -> int:
        """How many requests arrived since the last reset."""
        return int(self._get("/count"))

    def report(self) -> Arrivals:
        """What arrived since the last reset."""
        document = json.loads(self._get("/report"))
        return Arrivals(document["ids"], document["arrivals"], document["badSignatures"])

    def reset(self) -> None:
        """Forget what arrived."""
        self._get("/reset")

    def has(self, count: int, patience: float) -> bool:
        """Wait until so many requests arrived; False when they do not come in time."""
        deadline = time.monotonic() + patience
        while self.count() < count:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def _get(self, path: str) -> bytes:
        self._connection.request("GET", path)
        return self._connection.getresponse().read()


@contextmanager
def running_webhook(key: bytes, answer_seconds: float = 0) -> Iterator[Webhook]:
    """A webhook that takes so long to answer, until the block ends."""
    with child("lean_receiver", key.hex(), str(answer_seconds)) as process:
        yield Webhook(int(read_line(process)), process.pid, key)
