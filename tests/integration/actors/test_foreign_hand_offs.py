"""What Redis has need not be from us: bytes that are no hand-off, and hand-offs that were written by hand."""

import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dramatiq
import msgspec
import pytest
import redis
from dramatiq.broker import MessageProxy

from sendoff_actors.broker import BlockingRedisBroker
from sendoff_actors.handoffs import ActorName, Batch, Queue, SealedHandoffs, Undeliverable, read_handoff_key
from sendoff_domain.message import DeathReason
from support.claims import claimed, failed_attempt
from support.messages import accept
from support.servers import RedisUrls
from support.worker import Worker

KEY = bytes(32)


@pytest.fixture
def broker(redis_urls: RedisUrls) -> Iterator[BlockingRedisBroker]:
    broker = BlockingRedisBroker(redis_urls.broker)
    broker.authenticate(KEY)
    yield broker
    broker.close()


def put_raw(client: "redis.Redis", message_id: str, data: bytes, queue: Queue = Queue.RETRIER) -> None:
    """Enqueue something without our broker."""
    client.hset(f"sendoff:{queue}.msgs", message_id, data)
    client.rpush(f"sendoff:{queue}", message_id)


def written_by_hand(actor: ActorName, *arguments: Any) -> bytes:
    """A hand-off as Dramatiq writes it."""
    message: dramatiq.Message[Any] = dramatiq.Message(actor.queue, actor, arguments, {}, {"redis_message_id": "1"})
    return msgspec.json.encode(message.asdict())


def notes(broker: BlockingRedisBroker) -> list[dict[str, Any]]:
    """What was set aside, the oldest first."""
    return [json.loads(note) for note in reversed(broker.client.lrange(broker.set_aside_key, 0, -1))]


def sealed(data: bytes) -> bytes:
    """Bytes under the right key, as an older version may have written them."""
    return hmac.digest(KEY, data, "sha256") + data


def test_a_bad_item_costs_one_item(broker: BlockingRedisBroker) -> None:
    """Bytes that are no message, an unknown actor, wrong arguments, another queue's: the good one is next."""
    unknown = written_by_hand(ActorName.RETRY, []).replace(b'"retry"', b'"unknown"')
    bad = {
        "empty": b"",
        "no-message": b"\xff no message",
        "by-hand": written_by_hand(ActorName.RETRY, [failed_attempt()]),
        "unknown": sealed(unknown),
        "wrong": sealed(written_by_hand(ActorName.RETRY, "no list")),
        "none": sealed(written_by_hand(ActorName.RETRY)),
        "elsewhere": sealed(written_by_hand(ActorName.BURY, [])),
    }
    for message_id, data in bad.items():
        put_raw(broker.client, message_id, data)
    broker.hand_on(ActorName.RETRY, [failed_attempt(attempt=3)])
    consumer = broker.consume(Queue.RETRIER, 1, 50)
    taken: list[MessageProxy] = []
    while not taken:  # an error here would end the consumer for three seconds, and again at its next start
        taken += [message for message in [next(consumer)] if message is not None]
    assert taken[0].args[0][0].attempt == 3
    consumer.ack(taken[0])

    assert {note["id"]: (note["queue"], note["size"]) for note in notes(broker)} == {
        message_id: ("retrier", len(data)) for message_id, data in bad.items()
    }
    assert broker.client.hlen("sendoff:retrier.msgs") == 0
    assert broker.client.keys("sendoff:__acks__*") == []


def test_notes_of_what_was_set_aside_are_few_and_short(broker: BlockingRedisBroker) -> None:
    consumer = broker.consume(Queue.RETRIER, 1, 50)
    for number in range(120):
        put_raw(broker.client, f"{number:03}{'x' * 1000}", b"secret content %d" % number)
    while broker.waiting(Queue.RETRIER):
        assert next(consumer) is None
    kept = notes(broker)
    assert len(kept) == 100
    assert kept[-1]["id"].startswith("119")
    assert all(len(json.dumps(note)) < 200 and "secret" not in json.dumps(note) for note in kept)


async def test_what_was_written_by_hand_is_neither_sent_nor_buried_nor_retried(worker: Worker) -> None:
    (message_id,) = await accept(worker.db, delay=timedelta(hours=10))
    now = worker.clock.now()
    batch = Batch("by-hand", now, now + 60, False, [claimed(due_at=now)])
    client = worker.broker.client
    put_raw(client, "batch", written_by_hand(ActorName.SEND, batch), Queue.SENDER)
    letters = [Undeliverable(message_id.hex, 0, DeathReason.EXHAUSTED)]
    put_raw(client, "burial", written_by_hand(ActorName.BURY, letters), Queue.DEAD_LETTERER)
    put_raw(client, "retry", written_by_hand(ActorName.RETRY, [failed_attempt(id=message_id.hex, token=0)]))
    for queue in (Queue.SENDER, Queue.DEAD_LETTERER, Queue.RETRIER):
        assert next(worker.broker.consume(queue, 1, 50)) is None
    assert [note["reason"] for note in notes(worker.broker)] == ["no process of this fleet has made it"] * 3

    assert await worker.parts.burying.bury(letters) == 0, "nor if it had been read: nobody holds the message"
    assert await worker.scalar("SELECT count(*) FROM due") == 1


async def test_the_fleet_shares_one_key_that_is_random(worker: Worker) -> None:
    key = await read_handoff_key(worker.db)
    assert len(key) == 32
    assert key != bytes(32)
    message: dramatiq.Message[object] = dramatiq.Message("dead_letterer", "clean_up", (), {}, {"redis_message_id": "1"})
    assert SealedHandoffs(key).read(worker.broker.sealed.write(message), Queue.DEAD_LETTERER).actor_name == "clean_up"
