"""Hand-offs on Redis: a consumer wakes up at once, takes no more than it has room for, and gives back the rest."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq.broker import MessageProxy
from dramatiq.errors import BrokerConnectionError

from sendoff_actors.broker import BlockingConsumer, BlockingRedisBroker
from sendoff_actors.handoffs import ActorName, Batch, FailedAttempt, Queue
from support.claims import failed_attempt
from support.servers import RedisUrls
from support.waiting import wait_until

#: Longer than any test takes: who waits for it was not woken.
IDLE_MS = 60_000


@pytest.fixture
def broker(redis_urls: RedisUrls) -> Iterator[BlockingRedisBroker]:
    with new_broker(redis_urls) as broker:
        yield broker


@contextmanager
def new_broker(redis_urls: RedisUrls) -> Iterator[BlockingRedisBroker]:
    """A process's own broker with all queues."""
    broker = BlockingRedisBroker(redis_urls.broker)
    broker.authenticate(bytes(32))
    for queue in Queue:
        broker.declare_queue(queue)
    try:
        yield broker
    finally:
        broker.close()


def consume(broker: BlockingRedisBroker, queue: Queue = Queue.RETRIER, idle_ms: int = 50) -> BlockingConsumer:
    return broker.consume(queue, 1, idle_ms)


def take(consumer: BlockingConsumer) -> MessageProxy:
    message = next(consumer)
    assert message is not None
    return message


def failure(number: int = 0) -> list[FailedAttempt]:
    return [failed_attempt(attempt=number)]


def batch(number: int = 0) -> Batch:
    return Batch(str(number), 0.0, 0.0, False, [])


def arguments(consumer: BlockingConsumer, count: int) -> list[Any]:
    """What the next so many messages say."""
    return [take(consumer).args[0] for _ in range(count)]


class InThread:
    """A consumer that waits for a message in a thread of its own, as under Dramatiq."""

    def __init__(self, broker: BlockingRedisBroker, queue: Queue = Queue.RETRIER) -> None:
        self.consumer = consume(broker, queue, IDLE_MS)
        self._taken: list[MessageProxy] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._taken:  # one that was woken comes back with nothing at first
            self._taken += [message for message in [next(self.consumer)] if message is not None]

    def join(self) -> MessageProxy:
        """What it has taken, long before its idle time is over."""
        self._thread.join(20)
        assert self._taken, "it still waits"
        return self._taken[0]


def blocked(broker: BlockingRedisBroker) -> int:
    """How many clients of Redis wait on a wake list."""
    return sum("blpop" in client["cmd"] for client in broker.client.client_list())


def test_an_idle_consumer_is_woken_by_a_hand_off(broker: BlockingRedisBroker) -> None:
    waiting = InThread(broker)
    wait_until(lambda: blocked(broker), "the consumer waits")
    broker.hand_on(ActorName.RETRY, failure())
    assert waiting.join().args == (failure(),)


def test_an_idle_consumer_returns_now_and_then_so_that_its_thread_can_end(broker: BlockingRedisBroker) -> None:
    assert next(consume(broker)) is None


def test_messages_come_in_order_and_are_gone_when_they_are_acknowledged(broker: BlockingRedisBroker) -> None:
    for number in range(3):
        broker.hand_on(ActorName.RETRY, failure(number))
    consumer = consume(broker)
    assert broker.waiting(Queue.RETRIER) == 3
    messages = [take(consumer) for _ in range(3)]
    assert [message.args[0] for message in messages] == [failure(0), failure(1), failure(2)]
    for message in messages:
        consumer.ack(message)
    assert broker.client.hlen("sendoff:retrier.msgs") == 0


def test_a_consumer_of_the_sender_takes_one_batch_at_a_time(broker: BlockingRedisBroker) -> None:
    for number in range(3):
        broker.hand_on(ActorName.SEND, batch(number))
    consumer, other = consume(broker, Queue.SENDER), consume(broker, Queue.SENDER)
    first = take(consumer)
    assert next(consumer) is None
    assert take(other).args[0] == batch(1)
    consumer.ack(first)
    assert take(consumer).args[0] == batch(2)


def test_a_process_without_room_leaves_batches_to_others(broker: BlockingRedisBroker, redis_urls: RedisUrls) -> None:
    broker.backpressure.close(Queue.SENDER)
    broker.hand_on(ActorName.SEND, batch())
    assert next(consume(broker, Queue.SENDER)) is None
    broker.hand_on(ActorName.RETRY, failure())
    assert arguments(consume(broker, Queue.RETRIER), 1) == [failure()], "other queues go on"
    with new_broker(redis_urls) as other:
        assert arguments(consume(other, Queue.SENDER), 1) == [batch()]


def test_a_consumer_that_gets_room_takes_what_is_there_at_once(broker: BlockingRedisBroker) -> None:
    broker.backpressure.close(Queue.SENDER)
    broker.hand_on(ActorName.SEND, batch())
    waiting = InThread(broker, Queue.SENDER)
    broker.backpressure.open(Queue.SENDER)
    assert waiting.join().args == (batch(),)


def test_what_was_fetched_and_not_started_goes_back(broker: BlockingRedisBroker) -> None:
    for number in range(4):
        broker.hand_on(ActorName.RETRY, failure(number))
    consumer = consume(broker)
    consumer.ack(take(consumer))
    consumer.close()
    assert sorted(one.attempt for (one,) in arguments(consume(broker), 3)) == [1, 2, 3]


def test_a_message_that_is_given_back_comes_again(broker: BlockingRedisBroker) -> None:
    broker.hand_on(ActorName.RETRY, failure())
    consumer = consume(broker)
    consumer.requeue([take(consumer)])
    assert arguments(consume(broker), 1) == [failure()]


def test_a_hand_off_that_fails_is_not_repeated_and_leaves_nothing(broker: BlockingRedisBroker) -> None:
    broker.hand_on(ActorName.RETRY, failure())
    consumer = consume(broker)
    consumer.nack(take(consumer))
    assert next(consumer) is None
    assert set(broker.client.keys("sendoff:retrier*")) == set()


def test_a_delay_is_refused_since_the_database_is_the_only_timer(broker: BlockingRedisBroker) -> None:
    message: dramatiq.Message[object] = dramatiq.Message("retrier", "retry", (), {}, {})
    with pytest.raises(ValueError, match="the only timer"):
        broker.enqueue(message, delay=1000)


def test_a_lost_redis_is_told_to_dramatiq_which_tries_again() -> None:
    broker = BlockingRedisBroker("redis://127.0.0.1:1/0")
    broker.authenticate(bytes(32))
    with pytest.raises(BrokerConnectionError):
        next(consume(broker))
    with pytest.raises(redis.RedisError):
        broker.hand_on(ActorName.RETRY, failure())
