"""A producer that floods the stream: many messages of one customer, acknowledged or refused, as fast as they go.

`python -m bench.flood_producer URL SUBJECT COUNT` prints a line when it begins and its counts as JSON at the end.
"""

import asyncio
import json
import os
import sys

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from bench.load import ITEM
from sendoff_config.priority import give_way

#: So many messages wait for their answers at a time.
_AT_A_TIME = 1_000
#: Producers are on other machines: this one takes only what the cores have left.
_NICENESS = 19
#: What does not come within so many seconds counts as neither.
_PATIENCE = 30.0


class Flood:
    """Publishes, and counts the answers of the stream."""

    def __init__(self, client: Client, subject: str) -> None:
        self._client = client
        self._subject = subject
        self._inbox = client.new_inbox()
        self._room = asyncio.Semaphore(_AT_A_TIME)
        self.acknowledged = 0
        self.refused = 0

    async def publish(self, count: int) -> None:
        """Publish that many, and wait for all answers."""
        await self._client.subscribe(self._inbox, cb=self._hear)
        body = json.dumps(ITEM).encode()
        for _ in range(count):
            async with asyncio.timeout(_PATIENCE):
                await self._room.acquire()
            await self._client.publish(self._subject, body, reply=self._inbox)
        for _ in range(_AT_A_TIME):
            async with asyncio.timeout(_PATIENCE):
                await self._room.acquire()

    async def _hear(self, message: Msg) -> None:
        if b'"error"' in message.data:
            self.refused += 1
        else:
            self.acknowledged += 1
        self._room.release()


async def flood(url: str, subject: str, count: int) -> None:
    """Publish, and print what became of it."""
    client = await nats.connect(url)
    try:
        print("begins", flush=True)
        producer = Flood(client, subject)
        await producer.publish(count)
        print(json.dumps({"acknowledged": producer.acknowledged, "refused": producer.refused}), flush=True)
    finally:
        await client.close()


if __name__ == "__main__":
    os.setsid()  # give_way sets the niceness of a session only for the process that leads it
    give_way(_NICENESS)
    asyncio.run(flood(sys.argv[1], sys.argv[2], int(sys.argv[3])))
