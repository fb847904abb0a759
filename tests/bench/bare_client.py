"""The ceiling of delivering: an aiohttp session that posts signed bodies, with no queue, no record and no retry.

Run as `python -m bench.bare_client PORT KEY`. A line of JSON on stdin is the work: a list of [id, due, body]. It prints
a line when its connections are open. The next line is the start (Unix seconds), from which the due times count, or 0
to post everything at once. It prints another line when all is answered.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator

import aiohttp
import uvloop

from sendoff_domain.webhook_request import sign

_CONCURRENT = 100

Message = tuple[str, float, str]


class BareClient:
    """Posts to one webhook with so many connections as one Sendoff process has."""

    def __init__(self, session: aiohttp.ClientSession, port: int, key: bytes) -> None:
        self._session = session
        self._origin = f"http://127.0.0.1:{port}"
        self._key = key

    async def warm_up(self) -> None:
        """Open all connections."""
        await asyncio.gather(*(self._ask() for _ in range(_CONCURRENT)))

    async def post_all(self, messages: list[Message]) -> None:
        """Post as fast as the connections allow."""
        shared = iter(messages)
        await asyncio.gather(*(self._post_each(shared) for _ in range(_CONCURRENT)))

    async def post_on_time(self, messages: list[Message], start: float) -> None:
        """Post each message at its due time, with a timer in memory."""
        async with asyncio.TaskGroup() as group:
            for message in messages:
                await _due(start + message[1])
                group.create_task(self._post(message))

    async def _post_each(self, messages: Iterator[Message]) -> None:
        for message in messages:
            await self._post(message)

    async def _post(self, message: Message) -> None:
        webhook_id, _, text = message
        body, now = text.encode(), int(time.time())
        headers = {
            "content-type": "application/json",
            "user-agent": "bare",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(now),
            "webhook-signature": sign((self._key,), webhook_id, now, body),
        }
        async with self._session.post(f"{self._origin}/hook", data=body, headers=headers) as answer:
            await answer.read()

    async def _ask(self) -> None:
        async with self._session.get(f"{self._origin}/count") as answer:
            await answer.read()


async def _due(moment: float) -> None:
    """Return at that moment and not before, although uvloop's timers may fire a millisecond early."""
    while (left := moment - time.time()) > 0:  # noqa: ASYNC110 it is time that we wait for, not an event
        await asyncio.sleep(left)


async def main(port: int, key: bytes) -> None:
    """Do the work that stdin names."""
    messages: list[Message] = json.loads(sys.stdin.readline())
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_CONCURRENT)) as session:
        client = BareClient(session, port, key)
        await client.warm_up()
        print("ready", flush=True)
        start = float(sys.stdin.readline())
        await (client.post_on_time(messages, start) if start else client.post_all(messages))
        print("done", flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), bytes.fromhex(sys.argv[2])))
