"""A scriptable webhook: a real server in a thread of its own that writes down what it was sent, and when."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Received:
    """One request: when it arrived (Unix seconds), with what."""

    arrived_at: float
    headers: dict[str, str]
    body: bytes

    @property
    def webhook_id(self) -> str:
        """The message's public id."""
        return self.headers["webhook-id"]

    @property
    def message(self) -> dict[str, Any]:
        """The body as JSON."""
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def attempt(self) -> int:
        """Which attempt the sender said this is."""
        return int(self.headers["sendoff-attempt"])


Script = Callable[[Received], Awaitable[web.StreamResponse] | web.StreamResponse]


def accept(_: Received) -> web.StreamResponse:
    """Answer 200 with a messageId."""
    return web.json_response({"messageId": "ext-1"})


class Receiver:
    """What arrived so far, and how the next request is answered (`script`)."""

    def __init__(self) -> None:
        self.script: Script = accept
        self.url = ""
        self._let_go = threading.Event()
        self._received: list[Received] = []
        self._open = 0
        #: The most requests that were open at once.
        self.peak = 0

    @property
    def received(self) -> list[Received]:
        """Every request so far, in order of arrival."""
        return list(self._received)

    def ids(self) -> Counter[str]:
        """How often each message arrived."""
        return Counter(one.webhook_id for one in self.received)

    def of(self, webhook_id: str) -> list[Received]:
        """The requests of one message."""
        return [one for one in self.received if one.webhook_id == webhook_id]

    def answer(self, status: int, *, headers: dict[str, str] | None = None, body: str = "") -> None:
        """From now on answer everything like this."""
        self.script = lambda _: web.Response(status=status, headers=headers, text=body)

    def answer_late(self, seconds: float) -> None:
        """From now on take that long for each answer."""

        async def script(received: Received) -> web.StreamResponse:
            await asyncio.sleep(seconds)
            return accept(received)

        self.script = script

    def hang(self, which: Callable[[Received], bool]) -> None:
        """From now on answer these only after `let_go`, and everything else at once."""
        self._let_go.clear()

        async def script(received: Received) -> web.StreamResponse:
            while which(received) and not self._let_go.is_set():  # noqa: ASYNC110  set by another thread
                await asyncio.sleep(0.01)
            return accept(received)

        self.script = script

    def let_go(self) -> None:
        """Answer what hangs."""
        self._let_go.set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Write the request down and answer by the script."""
        arrived_at = time.time()
        received = Received(
            arrived_at, {key.lower(): value for key, value in request.headers.items()}, await request.read()
        )
        self._received.append(received)
        self._open += 1
        self.peak = max(self.peak, self._open)
        try:
            answer = self.script(received)
            return answer if isinstance(answer, web.StreamResponse) else await answer
        finally:
            self._open -= 1


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """A receiver on a free loopback port for as long as the block lasts."""
    receiver = Receiver()
    loop = asyncio.new_event_loop()
    started = threading.Event()
    leave = asyncio.Event()

    async def serve() -> None:
        app = web.Application(client_max_size=1 << 20)
        app.router.add_post("/{path:.*}", receiver.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        started.set()
        await leave.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="receiver")
    thread.start()
    assert started.wait(10), "the receiver did not start"
    try:
        yield receiver
    finally:
        receiver.let_go()
        loop.call_soon_threadsafe(leave.set)
        thread.join(10)
        loop.close()
