"""The Redis broker with the settings that Sendoff needs: consumers that block instead of polling, and no delays.

Dramatiq's own consumer polls (at its default, a hop takes 400 ms) and its delay queues hoard messages in memory.
Here every enqueue leaves a token on a wake list, on which idle consumers block; PostgreSQL is the only timer.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

import dramatiq
import msgspec
import redis
import structlog
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError

from sendoff_actors.handoffs import ActorName, BrokenHandoffError, Queue, SealedHandoffs
from sendoff_domain.errors import UnavailableError

#: A worker that is silent for so long is dead, and what it had fetched goes to others (milliseconds).
_HEARTBEAT_TIMEOUT = 10_000
#: How many of a million commands look for dead workers; the default, 1,000, takes minutes in an idle system.
_MAINTENANCE_CHANCE = 20_000
#: Messages that one process fetches ahead of its threads. A batch for the Sender sits on leases, so none ahead.
_PREFETCH = {Queue.SENDER: 1}
_PREFETCH_OTHERS = 4
#: Behind Dramatiq's own script: what was enqueued wakes one idle consumer in the same round trip; more tokens than the
#: processes that may sleep would only have them look in vain.
_WAKE = b"""
if command == "enqueue" then
    redis.call("lpush", namespace .. ":wake:" .. queue_name, 1)
    redis.call("ltrim", namespace .. ":wake:" .. queue_name, 0, 15)
end
"""
#: How long the tokens for the consumers of a process that ends are kept (seconds).
_LEAVE_TTL = 10
#: While a process ends its consumers look so often whether they should (seconds).
_LEAVING_PAUSE = 0.05
#: How many notes of what was set aside are kept, and how much of an id.
_SET_ASIDE, _LONGEST_ID = 100, 64

log = structlog.get_logger("sendoff.broker")


class Backpressure:
    """Holds back the consumers of single queues in this process; all queues are open at first. Thread-safe."""

    def __init__(self) -> None:
        self._leaving = False
        self._open = {queue: threading.Event() for queue in Queue}
        for event in self._open.values():
            event.set()

    def close(self, queue: Queue) -> None:
        """Take nothing more from this queue for now."""
        self._open[queue].clear()

    def open(self, queue: Queue) -> None:
        """Take messages from this queue again."""
        self._open[queue].set()

    def leave(self) -> None:
        """Hold nobody back any more, and let nothing more be taken: the process ends."""
        self._leaving = True
        for event in self._open.values():
            event.set()

    def wait(self, queue: str, seconds: float) -> bool:
        """Wait up to `seconds` until the queue is open, and return whether it is."""
        self._open[Queue(queue)].wait(seconds)
        if self._leaving:
            time.sleep(min(seconds, _LEAVING_PAUSE))
        return self._open[Queue(queue)].is_set() and not self._leaving


class BlockingRedisBroker(RedisBroker):
    """A RedisBroker for hints: what it loses, the lease in PostgreSQL brings back."""

    def __init__(self, url: str, *, namespace: str = "sendoff") -> None:
        client = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5, retry=None)
        super().__init__(  # type: ignore[no-untyped-call]  # Dramatiq leaves this constructor untyped
            client=client,
            middleware=[],
            namespace=namespace,
            heartbeat_timeout=_HEARTBEAT_TIMEOUT,
            maintenance_chance=_MAINTENANCE_CHANCE,
        )
        dispatch: Any = self.scripts["dispatch"].script
        self.scripts["dispatch"] = client.register_script(dispatch + _WAKE)
        self.backpressure = Backpressure()
        #: How long an idle consumer blocks at a time (seconds), if not as long as Dramatiq's threads wait.
        self.idle: float | None = None
        self._sealed: SealedHandoffs | None = None

    def authenticate(self, key: bytes) -> None:
        """Put every hand-off under this key of the fleet, and take only those that are; to be called before any."""
        self._sealed = SealedHandoffs(key)

    @property
    def sealed(self) -> SealedHandoffs:
        """How hand-offs are written and read; raises RuntimeError before `authenticate`."""
        if self._sealed is None:
            raise RuntimeError("expected the key of hand-offs to be read before the first of them")
        return self._sealed

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue without the delay queue that Dramatiq adds to it."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: "dramatiq.Message[object]", *, delay: int | None = None) -> "dramatiq.Message[object]":
        """Enqueue and wake one idle consumer.

        Raises redis.ResponseError when Redis refuses the message, and another redis.RedisError when its answer does not
        come: the message may then be enqueued all the same, even later.
        """
        if delay is not None:
            raise ValueError("expected no delay: PostgreSQL is the only timer")
        enqueued = message.copy(options={"redis_message_id": str(uuid4())})
        self.do_enqueue(message.queue_name, enqueued.options["redis_message_id"], self.sealed.write(enqueued))
        return enqueued

    def hand_on(self, actor: ActorName, *arguments: object) -> None:
        """Put a hand-off on an actor's queue; raises what `enqueue` raises."""
        message: dramatiq.Message[object] = dramatiq.Message(
            queue_name=actor.queue, actor_name=actor, args=arguments, kwargs={}, options={}
        )
        self.enqueue(message)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 1000) -> "BlockingConsumer":
        """A consumer of that queue; Dramatiq calls this once for each queue."""
        ahead = _PREFETCH.get(Queue(queue_name), _PREFETCH_OTHERS)
        return BlockingConsumer(self, queue_name, prefetch=ahead, idle_seconds=self.idle or timeout / 1000)

    def waiting(self, queue: Queue) -> int:
        """How many messages of a queue no process has fetched yet."""
        return int(self.client.llen(f"{self.namespace}:{queue}"))

    def set_aside(self, queue: str, data: bytes, reason: str) -> None:
        """Take what is no hand-off out of this process's share of a queue, note it in a short list, and log it."""
        ids = list(self.client.smembers(f"{self.namespace}:__acks__.{self.broker_id}.{queue}"))
        stored = self.client.hmget(f"{self.namespace}:{queue}.msgs", ids) if ids else []
        message_id = next(
            (one.decode(errors="replace") for one, its in zip(ids, stored, strict=True) if its == data), ""
        )
        note = {"queue": queue, "id": message_id[:_LONGEST_ID], "size": len(data), "reason": reason}
        log.warning("set aside, it is no hand-off", **note)
        pipeline = self.client.pipeline(transaction=False)
        pipeline.lpush(self.set_aside_key, msgspec.json.encode(note))
        pipeline.ltrim(self.set_aside_key, 0, _SET_ASIDE - 1)
        pipeline.execute(raise_on_error=False)
        if message_id:
            self.do_ack(queue, message_id)

    @property
    def set_aside_key(self) -> str:
        """The list of what was set aside lately, the newest first, as JSON objects."""
        return f"{self.namespace}:set_aside"

    def leave(self) -> None:
        """Wake the idle consumers of this process, so that they end; without Redis that takes them a second."""
        self.backpressure.leave()
        with contextlib.suppress(redis.RedisError):
            pipeline = self.client.pipeline(transaction=False)
            pipeline.lpush(self.leave_key, *(1 for _ in Queue))
            pipeline.expire(self.leave_key, _LEAVE_TTL)
            pipeline.execute()

    @property
    def leave_key(self) -> str:
        """The list on which all idle consumers of this process block, beside their queue's own."""
        return f"{self.namespace}:leave:{self.broker_id}"

    def wake_key(self, queue_name: str) -> str:
        """The list on which the idle consumers of a queue block; `_WAKE` names it as well."""
        return f"{self.namespace}:wake:{queue_name}"


class BlockingConsumer(Consumer):
    """Fetches what is there, or else blocks until something is enqueued."""

    def __init__(self, broker: BlockingRedisBroker, queue_name: str, *, prefetch: int, idle_seconds: float) -> None:
        self._broker = broker
        self._queue = queue_name
        self._prefetch = prefetch
        self._idle = max(idle_seconds, 0.05)
        self._fetched: list[bytes | None] = []
        self._unacked: set[str] = set()
        self._acknowledged = threading.Event()

    def __next__(self) -> MessageProxy | None:
        """The next message, or None after an idle time, so that Dramatiq can look whether it should stop."""
        if not self._fetched and not self._broker.backpressure.wait(self._queue, self._idle):
            return None
        try:
            return self._next_fetched() or self._fetch_or_sleep()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise BrokerConnectionError(error) from None  # type: ignore[no-untyped-call]  # untyped in Dramatiq

    def _next_fetched(self) -> MessageProxy | None:
        while self._fetched:
            data = self._fetched.pop(0)
            if data is None:  # the id was enqueued twice and the message is gone already
                continue
            try:
                message = self._broker.sealed.read(data, self._queue)
            except BrokenHandoffError as error:
                self._broker.set_aside(self._queue, data, str(error))
                continue
            self._unacked.add(message.message_id)
            return MessageProxy(message)
        return None

    def _fetch_or_sleep(self) -> MessageProxy | None:
        room = self._prefetch - len(self._unacked)
        if room <= 0:  # blocking on the wake list here would use up a token that is meant for a process with room
            self._acknowledged.wait(self._idle)
            self._acknowledged.clear()
            return None
        self._fetched = self._broker.do_fetch(self._queue, room)
        if not self._fetched:
            keys = [self._broker.wake_key(self._queue), self._broker.leave_key]
            self._broker.client.blpop(keys, timeout=self._idle)
        return self._next_fetched()

    def ack(self, message: MessageProxy) -> None:
        """Forget a message that was processed."""
        self._acknowledge(self._broker.do_ack, message)

    def nack(self, message: MessageProxy) -> None:
        """Forget a hand-off that can't be processed: it is a hint, and Dramatiq would keep it for a week."""
        log.warning("a hand-off failed, its leases will run out", queue=self._queue, actor=message.actor_name)
        self.ack(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give back what was fetched but not started."""
        ids = [message.options["redis_message_id"] for message in messages]
        if ids:
            self._broker.do_requeue(self._queue, *ids)

    def close(self) -> None:
        """Give back what was fetched and never handed to a thread."""
        proxies = []
        while (proxy := self._next_fetched()) is not None:
            proxies.append(proxy)
        self.requeue(proxies)

    def _acknowledge(self, command: Callable[[str, str], object], message: MessageProxy) -> None:
        try:
            command(self._queue, message.options["redis_message_id"])
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise BrokerConnectionError(error) from None  # type: ignore[no-untyped-call]  # untyped in Dramatiq
        finally:
            self._unacked.discard(message.message_id)
            self._acknowledged.set()


class Enqueuer:
    """Puts hand-offs on the queues of the actors, each in a thread of its own."""

    def __init__(self, broker: BlockingRedisBroker) -> None:
        self._broker = broker

    async def enqueue(self, actor: ActorName, *arguments: object) -> None:
        """Put a hand-off on an actor's queue.

        Raises UnavailableError when Redis refuses it or does not answer; it may then be there all the same, so what is
        tried again must be harmless twice.
        """
        try:
            await asyncio.to_thread(self._broker.hand_on, actor, *arguments)
        except (redis.RedisError, OSError, EOFError, RuntimeError) as error:  # RuntimeError: no thread can be started
            raise UnavailableError(f"Redis did not take a hand-off to {actor}: {error}") from error
