"""`sendoff publish` with an ingest that runs: what was published, however often, is in PostgreSQL once."""

import asyncio
from pathlib import Path

from support.instances import Launcher
from support.producer import Producer
from support.warm_command import sendoff


async def test_input_that_is_published_twice_is_stored_once(
    launch: Launcher, producer: Producer, nats_url: str, tmp_path: Path
) -> None:
    launch.ingest()
    await producer.streams_exist()
    stdin = "".join(f'{{"to": "n{number}", "content": "hello", "delay": "1h"}}\n' for number in range(500))
    settings = {"NATS__URL": nats_url, "CONTROL__PREFIX": producer.prefix}
    for _ in range(2):
        done = await asyncio.to_thread(sendoff, "publish", "--keys", "batch7", folder=tmp_path, stdin=stdin, **settings)
        assert done.returncode == 0, done.stderr
    await producer.all_taken()
    assert await producer.stored() == {f"n{number}": 1 for number in range(500)}
