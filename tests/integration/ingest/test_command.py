"""`sendoff up` with the ingest enabled: servers, API, workers and ingest of one command."""

import json
from pathlib import Path

import nats

from sendoff_domain.stream_names import ingest_subject
from support.command_line import running
from support.producer import SMALL_STREAMS
from support.receiver import Receiver
from support.servers import open_folder
from support.waiting import eventually


async def test_up_takes_messages_in_and_ends_in_order(receiver: Receiver) -> None:
    with open_folder() as folder:
        settings = {
            **SMALL_STREAMS,
            "INGEST__ENABLED": "true",
            "INGEST__PROCESSES": "2",
            "WEBHOOK__URL": receiver.url,
            "SECURITY__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
        }
        with running("up", "--data", folder / "data", folder=folder, **settings) as started:
            started.wait_until_said("Sendoff is ready")
            started.wait_until_said("taking messages in")
            assert len(started.named("sendoff ingest")) == 2
            await publish(folder / "data", {"to": "bob", "content": "hello"})
            await eventually(lambda: receiver.received, "the message arrived")
            assert started.stop() == 0
            assert started.survivors() == []


async def publish(data: Path, message: dict[str, str]) -> None:
    client = await nats.connect(json.loads((data / "servers.json").read_text())["nats"])
    await client.jetstream().publish(ingest_subject("sendoff", "default"), json.dumps(message).encode())
    await client.close()
