"""A producer as the documents ask for: each message until it is acknowledged, always under its id."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field

import nats
from nats.errors import Error
from nats.js import JetStreamContext

from sendoff_domain.stream_names import ingest_subject


@dataclass
class PatientProducer:
    """Publishes messages for `to-0`, `to-1` and so on; knows what is acknowledged and what it was told instead."""

    jetstream: JetStreamContext
    prefix: str
    patience: float = 90.0
    acknowledged: set[int] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)

    async def publish_all(self, numbers: range, at_a_time: int = 20) -> None:
        """Publish all of them; returns when every one is acknowledged."""
        waiting = iter(numbers)

        async def one_after_the_other() -> None:
            for number in waiting:
                await self.publish(number)

        await asyncio.gather(*(one_after_the_other() for _ in range(at_a_time)))

    async def publish(self, number: int) -> None:
        """Publish one until it is acknowledged."""
        body = json.dumps({"to": f"to-{number}", "content": number}).encode()
        headers = {"Nats-Msg-Id": f"default:{number}", "Idempotency-Key": str(number)}
        deadline = time.monotonic() + self.patience
        while True:
            try:
                await self.jetstream.publish(ingest_subject(self.prefix, "default"), body, timeout=2, headers=headers)
            except (Error, TimeoutError) as error:
                self.answers[words_for(error)] += 1
            else:
                self.acknowledged.add(number)
                return
            assert time.monotonic() < deadline, f"message {number} was not acknowledged: {self.answers}"
            await asyncio.sleep(0.05)


def words_for(error: BaseException) -> str:
    """What the stream says, or what went wrong instead."""
    return error.description or "" if isinstance(error, nats.js.errors.APIError) else type(error).__name__
