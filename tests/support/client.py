"""A plain client of the API, as a person with curl would use it."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from email.message import Message as Headers
from typing import Any

from support.waiting import PATIENCE, wait_until


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and JSON body of one answer."""

    status: int
    headers: Headers
    body: Any


@dataclass(frozen=True, slots=True)
class Client:
    """Talks to one API process."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """One request; a problem is an answer like any other."""
        request = urllib.request.Request(self.url + path, method=method, headers={**self.headers, **(headers or {})})
        if body is not None:
            request.data = body if isinstance(body, bytes) else json.dumps(body).encode()
            if not request.has_header("Content-type"):
                request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Answer(response.status, response.headers, _document(response.read()))
        except urllib.error.HTTPError as problem:
            with problem:
                return Answer(problem.code, problem.headers, _document(problem.read()))

    def send(self, to: str = "bob", content: Any = "hello", **fields: Any) -> str:
        """Accept one message and return its id."""
        answer = self.call("POST", "/v1/messages", {"to": to, "content": content, **fields})
        assert answer.status == 202, answer
        return str(answer.body["id"])

    def send_many(self, count: int, **fields: Any) -> list[str]:
        """Accept many messages in batches and return their ids."""
        ids: list[str] = []
        for start in range(0, count, 5000):
            items = [{"to": f"to-{n}", "content": n, **fields} for n in range(start, min(start + 5000, count))]
            answer = self.call("POST", "/v1/messages/batch", items)
            assert answer.status == 202, answer
            ids += [item["id"] for item in answer.body["data"]]
        return ids

    def message(self, message_id: str) -> dict[str, Any]:
        """The message as it is now."""
        answer = self.call("GET", f"/v1/messages/{message_id}")
        assert answer.status == 200, answer
        document: dict[str, Any] = answer.body
        return document

    def wait_for(self, message_id: str, status: str, timeout: float = PATIENCE) -> dict[str, Any]:
        """Wait until a message has that status, and return it."""
        wait_until(
            lambda: self.message(message_id)["status"] == status,
            f"{message_id} is {status}",
            timeout=timeout,
            every=0.1,
        )
        return self.message(message_id)


def _document(content: bytes) -> Any:
    return json.loads(content) if content else None
