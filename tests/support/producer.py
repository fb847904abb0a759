"""A producer on NATS for a test: it publishes into the ingest's stream, and looks at what became of it."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import nats
import psycopg
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError

from sendoff_domain.stream_names import ingest_stream_name, ingest_subject, rejected_stream_name, rejected_subject
from sendoff_ingest.streams import CONSUMER
from support.asyncapi import StreamContract
from support.waiting import eventually

#: Streams that a test machine has room for.
SMALL_STREAMS = {"INGEST__MAX_BYTES": str(64 * 2**20), "INGEST__REJECTED__MAX_BYTES": str(16 * 2**20)}


@dataclass
class Producer:
    """One connection, the prefix of the test's fleet, and the database in which messages arrive."""

    client: Client
    jetstream: JetStreamContext
    prefix: str
    database: str

    async def publish(self, body: Any, customer: str = "default", **headers: str) -> int:
        """Publish one message and return its sequence; `Idempotency_Key="a"` is a header."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        acknowledged = await self.jetstream.publish(ingest_subject(self.prefix, customer), data, headers=given or None)
        return acknowledged.seq

    async def streams_exist(self) -> None:
        """Wait until the ingest has made its streams."""

        async def found() -> bool:
            try:
                await self.jetstream.consumer_info(ingest_stream_name(self.prefix), CONSUMER)
            except NotFoundError:
                return False
            return True

        await eventually(found, "the streams and the consumer are there")

    async def stream(self) -> StreamInfo:
        """What NATS says of the stream."""
        return await self.jetstream.stream_info(ingest_stream_name(self.prefix))

    async def all_taken(self, timeout: float = 40) -> None:
        """Wait until nothing is left in the stream."""

        async def empty() -> bool:
            return (await self.stream()).state.messages == 0

        await eventually(empty, "the stream is empty", timeout, every=0.05)

    async def rejections(self) -> list[dict[str, Any]]:
        """All rejections so far, oldest first; each is as the AsyncAPI document has it."""
        contract = StreamContract(self.prefix)
        info = await self.jetstream.stream_info(rejected_stream_name(self.prefix))
        subject = rejected_subject(self.prefix)
        found = []
        for sequence in range(max(1, info.state.first_seq), info.state.last_seq + 1):
            message = await self.jetstream.get_msg(rejected_stream_name(self.prefix), sequence)
            assert message.subject == subject
            contract.check(subject, message.data or b"", message.headers)
            found.append(json.loads(message.data or b""))
        return found

    async def stored(self) -> Counter[str]:
        """How often each recipient has a message in PostgreSQL."""
        async with await psycopg.AsyncConnection.connect(self.database) as connection:
            cursor = await connection.execute("SELECT recipient, count(*) FROM messages GROUP BY recipient")
            return Counter(dict(await cursor.fetchall()))


@asynccontextmanager
async def open_producer(nats_url: str, prefix: str, database: str) -> AsyncIterator[Producer]:
    """A producer; the streams of its prefix are gone after the block."""
    client = await nats.connect(nats_url)
    jetstream = client.jetstream(timeout=10)
    try:
        yield Producer(client, jetstream, prefix, database)
    finally:
        for name in (ingest_stream_name(prefix), rejected_stream_name(prefix)):
            with contextlib.suppress(NotFoundError):
                await jetstream.delete_stream(name)
        await client.close()


def remove_streams(nats_url: str, prefix: str) -> None:
    """Take away what an ingest of that prefix has made; for tests without an event loop."""

    async def remove() -> None:
        async with open_producer(nats_url, prefix, ""):
            pass

    asyncio.run(remove())
