"""Pulls messages from a durable consumer: one request at a time, so that what is in memory is bounded.

nats-py's own `fetch` asks twice, answers an idle stream in two ways, and makes a timer for each message.
"""

import asyncio
import contextlib
import json

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

#: So long a request stays with the server while there is nothing to give (seconds), and the answer may take longer.
_EXPIRES, _GRACE = 5.0, 5.0
#: Ways in which a request comes to its end: nothing came in time, or the next message is more than it may bring.
_ENDED = ("404", "408")
_FULL = ("maxbytes", "batchcompleted")


class Pull:
    """What one session gets: `take` waits for messages and gives all that are there, one batch at most.

    While two batches are being stored one is read and the next one comes in, and no more: four of them are in memory.
    """

    #: The least that a request may bring in bytes, if a message alone can be no larger.
    batch_bytes = 16 * 2**20

    @property
    def stored_at_a_time(self) -> int:
        """So many whole batches: one alone keeps a single process of PostgreSQL busy, and the ingest waits for it."""
        return 2

    def __init__(self, client: Client, stream: str, consumer: str, batch_size: int) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._inbox = client.new_inbox()
        self.ask_for(batch_size)
        self._subscription: Subscription | None = None
        self._messages: list[Msg] = []
        self._requests = 0
        self._asked = 0
        self._news = asyncio.Event()
        self._gathered = asyncio.Event()
        self._failure: BaseException | None = None
        self._stopped = False

    async def open(self) -> None:
        """Be ready to get messages."""
        self._subscription = await self._client.subscribe(f"{self._inbox}.*", cb=self._hear)

    def ask_for(self, batch_size: int) -> None:
        """From the next request on, get so many messages at a time."""
        self._batch_size = batch_size
        self._request = json.dumps(
            {
                "batch": batch_size,
                "expires": int(_EXPIRES * 1e9),
                "max_bytes": max(self.batch_bytes, 2 * self._client.max_payload),
            }
        ).encode()

    async def take(self) -> list[Msg]:
        """The next messages; none once `stop` was called.

        Raises what `fail` was given, and ConnectionError when NATS does not answer.
        """
        while not self._messages and not self._stopped:
            self._raise_failure()
            await self._ask()
            await self._wait_for_news()
        self._raise_failure()
        if self._stopped:
            return []
        taken, self._messages = self._messages, []
        await self._ask()
        return taken

    async def gather(self, storing: "asyncio.Task[None]", until: float) -> None:
        """Let messages come together until the whole request is there, or `storing` is done and `until` has come.

        `until` is a moment of the event loop's clock. A message by itself would wait for that batch all the same, and
        others behind it for both.
        """
        self._gathered.clear()
        if not storing.done():
            storing.add_done_callback(lambda _: self._gathered.set())
            await self._wait_until_gathered()
        self._gathered.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._wait_until_gathered()

    async def _wait_until_gathered(self) -> None:
        if not self._is_gathered():
            await self._gathered.wait()

    def stop(self) -> None:
        """Let `take` come to its end."""
        self._stopped = True
        self._news.set()
        self._gathered.set()

    def fail(self, error: BaseException) -> None:
        """Let `take` raise this."""
        self._failure = error
        self._news.set()
        self._gathered.set()

    async def close(self) -> None:
        """Take nothing any more, and let others have what was not taken."""
        if self._subscription is not None:
            await self._subscription.unsubscribe()
        left, self._messages = self._messages, []
        await self.give_back(left)

    async def give_back(self, messages: list[Msg]) -> None:
        """Let others have these at once."""
        for message in messages:
            await self._client.publish(message.reply, Msg.Ack.Nak)

    def _is_gathered(self) -> bool:
        is_whole = bool(self._messages) and self._asked <= 0
        return is_whole or self._stopped or self._failure is not None

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _wait_for_news(self) -> None:
        self._news.clear()
        try:
            async with asyncio.timeout(_EXPIRES + _GRACE):
                await self._news.wait()
        except TimeoutError:
            raise ConnectionError("NATS does not answer a request for messages") from None

    async def _ask(self) -> None:
        if self._asked <= 0:
            self._asked = self._batch_size
            self._requests += 1
            await self._client.publish(self._subject, self._request, self._inbox_of_request)

    @property
    def _inbox_of_request(self) -> str:
        return f"{self._inbox}.{self._requests}"

    async def _hear(self, message: Msg) -> None:
        if message.reply:
            self._messages.append(message)
            self._asked -= 1
            if self._is_gathered():
                self._gathered.set()
        elif message.subject == self._inbox_of_request:  # the end of one before may be told late
            self._end_request(message.headers or {})
        self._news.set()

    def _end_request(self, headers: dict[str, str]) -> None:
        status, description = headers.get("Status", ""), headers.get("Description", "")
        if status in _ENDED or any(words in description.lower().replace(" ", "") for words in _FULL):
            self._asked = 0
        else:
            self.fail(ConnectionError(f"NATS ends a request for messages: {status} {description}".strip()))
