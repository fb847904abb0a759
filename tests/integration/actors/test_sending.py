"""What becomes of claimed messages in a process: sent, recorded, handed on or given back, each step by itself."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from sendoff_actors.handoffs import FailedAttempt, Queue, Undeliverable
from sendoff_actors.sender.holdings import ClaimedMessage
from sendoff_config.service import run_services
from sendoff_domain.control import Action, Command
from sendoff_domain.message import DeathReason
from support.actor_statements import run_statement
from support.messages import accept
from support.receiver import Receiver
from support.servers import RedisUrls
from support.waiting import eventually
from support.worker import Worker, open_worker

LATER = timedelta(hours=1)


async def places(worker: Worker) -> dict[str, int]:
    """How many messages there are in each state."""
    return dict(await worker.rows("SELECT status, count(*)::int FROM message_status GROUP BY status"))


def held(worker: Worker) -> list[ClaimedMessage]:
    return worker.parts.sender.holdings.ending_before(float("inf"))


async def take_over(worker: Worker) -> None:
    """Let all leases run out, as they do when a process is dead."""
    await worker.db.execute("UPDATE due SET visible_at = now() - interval '1 s' WHERE holder IS NOT NULL")
    await run_statement(worker.db, "reap_expired", {})


async def fill_slots(worker: Worker, receiver: Receiver, waiting: int = 1) -> list[UUID]:
    """Two requests that hang, and so many messages that wait for a slot."""
    receiver.hang(lambda _: True)
    ids = await accept(worker.db, 2 + waiting)
    await worker.accept()
    await eventually(lambda: len(receiver.received) == 2, "both slots are taken")
    return ids


async def test_a_delivery_is_marked_first_and_recorded_then(sender: Worker, receiver: Receiver) -> None:
    (message_id,) = await accept(sender.db)
    await sender.accept()
    await sender.requests_over()
    assert await places(sender) == {"sending": 1}

    marker = f"sendoff:sent:{message_id.hex}:0"
    _, markers, deliveries, *_ = sender.parts.sender.recorder.batches
    assert not await sender.cache.exists(marker)
    await markers.run_once()
    assert await sender.cache.exists(marker)
    assert await places(sender) == {"sending": 1}
    assert len(held(sender)) == 1

    await deliveries.run_once()
    assert await places(sender) == {"sent": 1}
    assert held(sender) == []
    assert await sender.cache.exists(marker)
    await sender.parts.markers.close()
    assert not await sender.cache.exists(marker), "what it tells is recorded"
    assert await sender.rows("SELECT attempts, status_code, external_message_id FROM deliveries") == [(1, 200, "ext-1")]
    assert receiver.ids() == {f"msg_{message_id.hex}": 1}


async def test_what_a_dead_process_had_sent_and_marked_is_recorded_without_a_request(
    sender: Worker, receiver: Receiver, sendoff_database: str, redis_urls: RedisUrls, nats_url: str
) -> None:
    await accept(sender.db)
    await sender.accept()
    await sender.requests_over()
    _, markers, *_ = sender.parts.sender.recorder.batches
    await markers.run_once()
    await take_over(sender)

    async with open_worker(sendoff_database, redis_urls, nats_url, receiver=receiver, instance="two") as other:
        await other.join()
        await other.accept()
        await other.record()
        assert await places(other) == {"sent": 1}
    await sender.record()
    assert await places(sender) == {"sent": 1}
    assert await sender.scalar("SELECT count(*) FROM deliveries") == 1
    assert len(receiver.received) == 1


async def test_without_redis_for_markers_messages_are_sent_and_recorded(
    sendoff_database: str, redis_urls: RedisUrls, nats_url: str, receiver: Receiver
) -> None:
    without = RedisUrls(redis_urls.broker, "redis://127.0.0.1:1/1")
    async with open_worker(sendoff_database, without, nats_url, receiver=receiver) as worker:
        await worker.join()
        await accept(worker.db, 3)
        await worker.accept()
        await worker.requests_over()
        await worker.record()
        assert await places(worker) == {"sent": 3}


async def test_a_batch_that_arrives_twice_is_sent_once(sender: Worker, receiver: Receiver) -> None:
    await accept(sender.db, 2)
    for batch in await sender.accept():
        await sender.parts.sender.sending.accept(batch)
    await sender.requests_over()
    assert set(receiver.ids().values()) == {1}
    assert len(held(sender)) == 2


async def test_a_failed_attempt_is_handed_to_the_retrier_and_no_longer_held(sender: Worker, receiver: Receiver) -> None:
    receiver.answer(503, headers={"Retry-After": "7"}, body="later")
    (message_id,) = await accept(sender.db)
    await sender.accept()
    await sender.requests_over()
    await sender.record()

    (((failure,),),) = await sender.handed_on(Queue.RETRIER)
    ((_, token),) = await sender.rows("SELECT message_id, token FROM due")
    assert failure[:6] == [message_id.hex, "default", 1, token, 1, 0]
    assert held(sender) == []
    attempt = decoded(failure)
    assert (attempt.status_code, attempt.retry_after, attempt.answer) == (503, 7.0, b"later")
    assert await sender.parts.retrying.handle([attempt]) == []
    assert await places(sender) == {"retrying": 1}


def decoded(failure: list[Any]) -> FailedAttempt:
    """A hand-off as the Retrier reads it."""
    return msgspec.convert(failure, FailedAttempt)


async def test_a_stop_gives_back_what_waits_and_lets_what_is_on_the_wire_end(
    sender: Worker, receiver: Receiver
) -> None:
    await fill_slots(sender, receiver, waiting=3)
    await sender.parts.member.command(Command(Action.STOP), "http")
    await sender.record()
    assert await places(sender) == {"sending": 2, "scheduled": 3}

    receiver.let_go()
    await sender.requests_over()
    await sender.record()
    assert await places(sender) == {"sent": 2, "scheduled": 3}
    assert len(receiver.received) == 2


async def test_a_batch_that_arrives_after_a_stop_goes_back(sender: Worker, receiver: Receiver) -> None:
    await accept(sender.db, 3)
    batches = await sender.claim()
    await sender.parts.member.command(Command(Action.STOP), "http")
    for batch in batches:
        await sender.parts.sender.sending.accept(batch)
    await sender.record()
    assert await places(sender) == {"scheduled": 3}
    assert receiver.received == []


async def test_a_pause_gives_back_the_messages_of_its_customer_only(sender: Worker, receiver: Receiver) -> None:
    await sender.add_customer("paused")
    receiver.hang(lambda _: True)
    for customer in ("default", "paused"):
        await accept(sender.db, 3, customer=customer)
    await sender.accept()
    await sender.parts.member.command(Command(Action.STOP, scope="paused"), "http")
    await sender.record()
    waiting = await sender.rows("SELECT customer_id, count(*)::int FROM due WHERE holder IS NULL GROUP BY 1")
    assert waiting == [("paused", 2)], "but for the one on the wire"


async def test_a_process_that_does_not_know_its_fleet_sends_nothing(
    sendoff_database: str, redis_urls: RedisUrls, receiver: Receiver
) -> None:
    async with open_worker(sendoff_database, redis_urls, receiver=receiver) as worker:
        await accept(worker.db, 2)
        await worker.accept()
        await worker.record()
        assert await places(worker) == {"scheduled": 2}
    assert receiver.received == []


async def test_an_open_breaker_gives_back_what_waits_and_lets_the_probe_through(
    sender: Worker, receiver: Receiver
) -> None:
    await fill_slots(sender, receiver, waiting=3)
    await sender.db.execute("INSERT INTO breakers (customer_id, opened_at, probe_at) VALUES ('default', now(), now())")
    sender.parts.sender.watch.changed("default")
    await sender.parts.sender.watch.run_once()
    receiver.let_go()
    await sender.requests_over()
    await sender.record()
    assert await places(sender) == {"sent": 2, "scheduled": 3}

    await sender.accept()
    await sender.requests_over()
    await sender.record()
    assert await places(sender) == {"sent": 3, "scheduled": 2}
    await sender.parts.sender.breakers.run_once()
    assert await sender.scalar("SELECT opened_at FROM breakers") is None, "the probe closed it"


async def test_a_message_that_expired_is_handed_to_the_dead_letterer_without_a_request(
    sender: Worker, receiver: Receiver
) -> None:
    (message_id,) = await accept(sender.db)
    await sender.db.execute("UPDATE messages SET expires_at = now()")
    await sender.accept()
    await sender.record()
    token = await sender.scalar("SELECT token FROM due")
    assert await sender.handed_on(Queue.DEAD_LETTERER) == [[[[message_id.hex, token, "expired"]]]]
    assert await sender.parts.burying.bury([Undeliverable(message_id.hex, token, DeathReason.EXPIRED)]) == 1
    assert receiver.received == []


async def test_a_message_without_an_attempt_left_is_buried_and_not_sent(sender: Worker, receiver: Receiver) -> None:
    """The Retrier has counted its last attempt, and the hand-off to the DeadLetterer was lost."""
    receiver.answer(500)
    (message_id,) = await accept(sender.db, retry='{"attempts": 1}')
    await sender.accept()
    await sender.requests_over()
    await sender.record()
    (((failure,),),) = await sender.handed_on(Queue.RETRIER)
    await sender.parts.retrying.handle([decoded(failure)])
    await take_over(sender)

    await sender.accept()
    await sender.record()
    token = await sender.scalar("SELECT token FROM due")
    assert await sender.handed_on(Queue.DEAD_LETTERER) == [[[[message_id.hex, token, "exhausted"]]]]
    assert len(receiver.received) == 1


async def test_a_customer_whose_key_cannot_be_read_is_not_called_and_loses_no_attempt(
    sender: Worker, receiver: Receiver
) -> None:
    await sender.db.execute(b"UPDATE customer_secrets SET sealed_key = '\\xff00'::bytea")
    await accept(sender.db, 2)
    await sender.accept()
    await sender.record()
    assert receiver.received == []
    assert held(sender) == [], "the leases run out, and no earlier are they claimed again"
    assert await sender.rows("SELECT DISTINCT attempts, status FROM message_status") == [(0, "sending")]


async def test_a_batch_whose_lease_is_over_is_left_alone(sender: Worker, receiver: Receiver) -> None:
    await accept(sender.db)
    (batch,) = await sender.claim()
    late = msgspec.structs.replace(batch, lease_until=sender.clock.now() + 0.5)
    await sender.parts.sender.sending.accept(late)
    assert held(sender) == []
    assert receiver.received == []


async def test_no_request_starts_on_a_lease_that_ended_while_the_message_waited(
    sender: Worker, receiver: Receiver
) -> None:
    await fill_slots(sender, receiver, waiting=2)
    for message in held(sender):
        message.lease_until = sender.clock.now() + 0.5
    receiver.let_go()
    await sender.requests_over()
    assert len(receiver.received) == 2
    assert len(held(sender)) == 2, "those on the wire, which are to be recorded"


async def test_a_result_on_a_lost_claim_overwrites_nothing(sender: Worker, receiver: Receiver) -> None:
    await fill_slots(sender, receiver, waiting=0)
    await take_over(sender)
    before = await sender.rows("SELECT * FROM due ORDER BY message_id")
    receiver.let_go()
    await sender.requests_over()
    await sender.record()
    assert await sender.rows("SELECT * FROM due ORDER BY message_id") == before
    assert await sender.scalar("SELECT count(*) FROM deliveries") == 0
    assert held(sender) == []


async def test_a_process_takes_no_more_batches_than_it_has_slots_for(sender: Worker, receiver: Receiver) -> None:
    def has_room() -> bool:
        return sender.broker.backpressure.wait(Queue.SENDER, 0)

    assert has_room()
    await fill_slots(sender, receiver, waiting=1)
    assert has_room()
    await accept(sender.db, 2)
    await sender.accept()
    assert not has_room()

    receiver.let_go()
    await sender.requests_over()
    assert has_room()


async def test_leases_that_end_soon_are_renewed(sender: Worker, receiver: Receiver) -> None:
    await fill_slots(sender, receiver, waiting=1)
    renewal = sender.parts.sender.renewal
    before = [message.lease_until for message in held(sender)]
    await renewal.run_once()
    assert [message.lease_until for message in held(sender)] == before, "most of each lease is left"

    await sender.db.execute("UPDATE due SET visible_at = now() + interval '2 s'")
    for message in held(sender):
        message.lease_until = sender.clock.now() + 2
    await renewal.run_once()
    assert all(message.lease_until > sender.clock.now() + 5 for message in held(sender))
    assert await sender.scalar("SELECT min(visible_at) > now() + interval '5 s' FROM due")


async def test_a_claim_that_was_lost_is_not_renewed(sender: Worker, receiver: Receiver) -> None:
    await fill_slots(sender, receiver, waiting=1)
    await take_over(sender)
    before = await sender.rows("SELECT * FROM due ORDER BY message_id")
    for message in held(sender):
        message.lease_until = sender.clock.now() + 2
    await sender.parts.sender.renewal.run_once()
    assert all(message.lease_until < sender.clock.now() + 3 for message in held(sender))
    assert await sender.rows("SELECT * FROM due ORDER BY message_id") == before


async def test_a_process_that_leaves_gives_back_what_waits_and_records_what_is_on_the_wire(
    sender: Worker, receiver: Receiver
) -> None:
    await fill_slots(sender, receiver, waiting=3)
    parts = sender.parts.sender
    async with run_services(parts.renewal, *parts.recorder.batches):
        await parts.sending.leave()
        receiver.let_go()
        await parts.sending.close(30)
    assert await places(sender) == {"sent": 2, "scheduled": 3}
    assert held(sender) == []
    assert len(receiver.received) == 2


async def test_what_arrives_in_a_process_that_leaves_goes_back(sender: Worker, receiver: Receiver) -> None:
    await sender.parts.sender.sending.leave()
    await accept(sender.db, 2)
    await sender.accept()
    await sender.record()
    assert await places(sender) == {"scheduled": 2}
    assert receiver.received == []


async def test_a_customer_that_is_slow_is_reported_until_it_is_not(sender: Worker, receiver: Receiver) -> None:
    """It has more messages here than it has slots, and they wait longer than those of a quick one."""
    saturation = sender.parts.sender.saturation
    await fill_slots(sender, receiver, waiting=20)

    async def reported() -> list[tuple[Any, ...]]:
        await saturation.run_once()
        return await sender.rows("SELECT customer_id FROM saturated_customers")

    assert await eventually(reported, "the customer is reported") == [("default",)]
    receiver.let_go()

    async def is_over() -> bool:
        return await reported() == []

    await eventually(is_over, "the customer is reported no more")


async def test_a_limit_that_gets_free_asks_for_the_next_claim(sender: Worker, receiver: Receiver) -> None:
    await sender.change_customer(concurrency=1)
    await accept(sender.db, 2)
    await sender.accept()
    await sender.requests_over()
    assert await sender.claim() == []
    await sender.record()

    await sender.parts.extra_ticks.wait()
    await sender.parts.extra_ticks.run_once()
    ((tick,),) = await sender.handed_on(Queue.CLAIMER)
    assert tick["drain"] is True
    await sender.accept()
    await sender.requests_over()
    assert len(receiver.received) == 2


async def test_messages_that_are_claimed_ahead_wait_for_their_time(
    sendoff_database: str, redis_urls: RedisUrls, nats_url: str, receiver: Receiver
) -> None:
    async with open_worker(sendoff_database, redis_urls, nats_url, receiver=receiver, horizon="2h") as worker:
        await worker.join()
        (soon,) = await accept(worker.db, delay=timedelta(seconds=0.3))
        (later,) = await accept(worker.db, delay=LATER)
        await worker.accept()
        assert receiver.received == []
        await eventually(lambda: receiver.received, "the first one arrives")
        due_at = await worker.scalar("SELECT due_at FROM due WHERE message_id = %s", soon)
        assert receiver.received[0].arrived_at >= due_at.timestamp()

        await worker.parts.member.command(Command(Action.STOP), "http")
        await worker.requests_over()
        await worker.record()
        assert await worker.rows("SELECT message_id, holder FROM due") == [(later, None)], "the other one goes back"
