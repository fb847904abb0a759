"""Runs the load client against a server, and makes the requests for it."""

import json
from dataclasses import dataclass

from bench.backlog import CONTENT
from bench.children import child, read_line

JSON, LINES = "application/json", "application/x-ndjson"
ITEM = {"to": "+4915112345678", "content": CONTENT, "delay": "1h", "metadata": {"campaign": "spring"}}


@dataclass(frozen=True, slots=True)
class Load:
    """What a server did under load: answers with 202 and others, for how long, and the times of the answers (ms)."""

    accepted: int
    refused: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests accepted per second."""
        return self.accepted / self.seconds


def load(port: int, request: bytes, connections: int, seconds: float) -> Load:
    """Load the server for some seconds."""
    with child("load_client", str(port), str(connections), str(seconds)) as client:
        assert client.stdin is not None
        client.stdin.write(request)
        client.stdin.close()
        return Load(**json.loads(read_line(client)))


def single_request() -> bytes:
    """One message."""
    return _request("/v1/messages", JSON, json.dumps(ITEM).encode())


def batch_request(items: int, content_type: str) -> bytes:
    """Many messages, as one array or one in each line."""
    if content_type == JSON:
        return _request("/v1/messages/batch", JSON, json.dumps([ITEM] * items).encode())
    return _request("/v1/messages/batch", LINES, (json.dumps(ITEM).encode() + b"\n") * items)


def _request(path: str, content_type: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body
