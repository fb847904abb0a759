"""What is asked for each message is planned once in a connection: planning takes longer than running it."""

import json
import time

import msgspec
from aiohttp import web

from sendoff_actors.handoffs import FailedAttempt, Queue
from sendoff_config.metrics.customer_labels import CustomerLabels
from sendoff_config.settings import PartitionSettings
from sendoff_db.pool import Pool
from sendoff_intake.accepted_messages import AcceptedMessages
from sendoff_intake.store import MessageStore, WakeUp
from sendoff_intake.submission import Submission
from sendoff_intake.submission_reader import SubmissionReader
from support.receiver import Received, Receiver, accept
from support.waiting import eventually
from support.worker import Worker

#: In each connection PostgreSQL plans a statement anew five times before it considers a plan for all values.
_TIMES = 30
_PREPARED = "SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements"
#: A word that no other of them has, of each statement.
_ASKED = {
    "accept_messages": "idempotency_keys",
    "accept_new_messages": "named.id",
    "sample_due": "earliest_retries",
    "read_claim_limits": "rate_period_ms",
    "claim_due": "UPDATE due SET token",
    "claim_retries": "DELETE FROM retries",
    "record_sent": "INSERT INTO deliveries",
    "record_failed": "INSERT INTO attempts",
}


def submission(key: str | None, to: str) -> Submission:
    read = SubmissionReader(time.time).read(json.dumps({"to": to, "content": "hello"}).encode(), key)
    assert isinstance(read, Submission)
    return read


async def plans(pool: Pool) -> list[tuple[str, int, int]]:
    """What the connections have prepared: each text, and how often it ran by a plan for all values and for its own."""
    found = []
    for _ in range(pool.max_size):
        connection = await pool.getconn()
        for text, generic, custom in await (await connection.execute(_PREPARED.encode())).fetchall():
            found.append((" ".join(text.split()), generic, custom))
        await pool.putconn(connection)
    return found


def fail_the_first_attempt_of_one(received: Received) -> web.StreamResponse:
    """So that fewer requests fail than open a breaker."""
    fails = received.message["to"] == "one" and received.attempt == 1
    return web.Response(status=500) if fails else accept(received)


async def attempt(sender: Worker, receiver: Receiver, *, requests: int) -> None:
    """Claim so many messages as soon as they are due, send them, and record what came of it."""
    before = len(receiver.received)

    async def are_sent() -> bool:
        await sender.accept()
        return len(receiver.received) == before + requests

    await eventually(are_sent, "all were sent", every=0.01)
    await sender.requests_over()
    await sender.record()
    for (failures,) in await sender.handed_on(Queue.RETRIER):
        await sender.parts.retrying.handle(msgspec.convert(failures, list[FailedAttempt]))


async def test_what_is_asked_for_each_message_is_planned_once(sender: Worker, receiver: Receiver) -> None:
    await sender.change_customer(retry={"attempts": 3, "first": "0.01s", "factor": 1, "jitter": 0})
    wake_up, accepted = WakeUp(sender.clock, lambda: None), AcceptedMessages(CustomerLabels(1))
    store = MessageStore(pool=sender.pool, partitions=PartitionSettings(), wake_up=wake_up, accepted=accepted)
    receiver.script = fail_the_first_attempt_of_one
    for number in range(_TIMES):
        await store.store([submission(None, "one")])
        await store.store([submission(f"key-{number}", "another")])
        await attempt(sender, receiver, requests=2)
        await attempt(sender, receiver, requests=1)
    found = await plans(sender.pool)
    for name, word in _ASKED.items():
        ran = [(generic, custom) for text, generic, custom in found if word in text]
        assert ran, f"{name} is prepared: {[text[:60] for text, *_ in found]}"
        assert max(generic for generic, _ in ran) > 0, f"{name}: {ran}"
