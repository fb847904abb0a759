"""Publishing many messages at once: all are acknowledged, or it raises."""

from collections.abc import AsyncIterator

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import APIError, NoStreamResponseError

from sendoff_domain.stream_names import MESSAGE_ID_HEADER
from sendoff_ingest.events.acknowledged import AcknowledgedPublisher, Outgoing
from support.waiting import eventually

PATIENCE = 20.0


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    connected = await nats.connect(nats_url)
    yield connected
    await connected.close()


@pytest.fixture
async def subject(client: Client, prefix: str) -> AsyncIterator[str]:
    jetstream = client.jetstream()
    await jetstream.add_stream(name=prefix, subjects=[f"{prefix}.kept.>"], max_msg_size=1000)
    yield f"{prefix}.kept.all"
    await jetstream.delete_stream(prefix)


def wave(subject: str, *ids: str, size: int = 1) -> list[Outgoing]:
    return [Outgoing(subject, b"x" * size, {MESSAGE_ID_HEADER: each}) for each in ids]


async def test_what_the_stream_had_already_is_counted(client: Client, subject: str, prefix: str) -> None:
    publisher = await AcknowledgedPublisher.open(client)
    assert await publisher.publish([], PATIENCE) == 0
    assert await publisher.publish(wave(subject, "a", "b", "c"), PATIENCE) == 0
    assert await publisher.publish(wave(subject, "b", "d", "c"), PATIENCE) == 2
    assert (await client.jetstream().stream_info(prefix)).state.messages == 4


async def test_one_that_is_refused_is_raised_once_all_are_answered(client: Client, subject: str, prefix: str) -> None:
    publisher = await AcknowledgedPublisher.open(client)
    with pytest.raises(APIError, match="size exceeds"):
        await publisher.publish([*wave(subject, "large", size=2000), *wave(subject, "a", "b")], PATIENCE)
    assert (await client.jetstream().stream_info(prefix)).state.messages == 2
    assert await publisher.publish(wave(subject, "a", "b", "c"), PATIENCE) == 2


async def test_a_subject_without_a_stream_is_told(client: Client, prefix: str) -> None:
    publisher = await AcknowledgedPublisher.open(client)
    with pytest.raises(NoStreamResponseError):
        await publisher.publish(wave(f"{prefix}.nowhere", "a"), PATIENCE)


async def test_a_late_acknowledgement_is_none_of_the_next_wave(client: Client, prefix: str) -> None:
    asked: list[Msg] = []

    async def keep(message: Msg) -> None:
        asked.append(message)

    await client.subscribe(f"{prefix}.slow", cb=keep)
    publisher = await AcknowledgedPublisher.open(client)
    with pytest.raises(TimeoutError):
        await publisher.publish(wave(f"{prefix}.slow", "a"), 0.2)
    await eventually(lambda: bool(asked), "the first wave was published")
    await asked[0].respond(b'{"stream": "late", "seq": 1, "duplicate": true}')
    with pytest.raises(TimeoutError):
        await publisher.publish(wave(f"{prefix}.slow", "b"), 0.2)
