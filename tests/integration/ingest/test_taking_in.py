"""What is published into the stream is stored once, delivered at once, and answered by the stream alone."""

import asyncio
import json
import time

import psycopg
import pytest
from nats.js.errors import APIError

from sendoff_domain.stream_names import ingest_stream_name
from support.client import Client
from support.instances import Launcher
from support.producer import Producer
from support.receiver import Receiver
from support.waiting import eventually
from support.whole_sendoff import add_customer

CUSTOMERS = [f"customer-{number}" for number in range(6)]
#: Four batches: a quarter of 200, and each a tenth more than the one before. More than that is published.
MOST_IN_HAND = 50 + 55 + 61 + 68
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'due'::regclass"


async def test_a_message_that_is_published_reaches_its_webhook_at_once(
    launch: Launcher, producer: Producer, api: Client, receiver: Receiver
) -> None:
    launch.ingest()
    await producer.streams_exist()
    first = api.send()
    # Its tick at the start takes the first message; without a hint the second one would wait for an hour.
    launch.worker(SCHEDULER__INTERVAL="1h", SCHEDULER__DRAIN="true")
    await asyncio.to_thread(api.wait_for, first, "sent")
    await producer.publish({"to": "bob", "content": "hello"})
    await eventually(lambda: len(receiver.received) == 2, "the message arrived")
    assert receiver.received[1].message["content"] == "hello"


async def test_the_customer_is_the_last_part_of_the_subject(
    launch: Launcher, producer: Producer, api: Client, receiver: Receiver
) -> None:
    add_customer(api, receiver, "acme")
    launch.ingest()
    await producer.streams_exist()
    await producer.publish({"to": "by subject", "content": 1}, customer="acme")
    await producer.publish({"to": "by both", "content": 1, "customer": "acme", "reference": "r1"}, customer="acme")
    await producer.all_taken()
    found = api.call("GET", "/v1/messages?customer=acme").body["data"]
    assert {(one["to"], one["reference"]) for one in found} == {("by subject", None), ("by both", "r1")}


async def test_the_same_key_stores_one_message_whichever_door_it_takes(
    launch: Launcher, producer: Producer, api: Client
) -> None:
    launch.ingest()
    await producer.streams_exist()
    body = {"to": "bob", "content": "once"}
    headers = {"Idempotency-Key": "order-1"}
    over_http = api.call("POST", "/v1/messages", body, headers)
    await producer.publish(body, Idempotency_Key="order-1")
    await producer.publish(body, idempotency_key="order-1")
    await producer.publish(body, Nats_Msg_Id="default:order-1")
    await producer.all_taken()
    assert await producer.stored() == {"bob": 1}
    again = api.call("POST", "/v1/messages", body, headers)
    assert (again.body["id"], again.headers["Idempotency-Replayed"]) == (over_http.body["id"], "true")
    assert await producer.rejections() == []


async def test_two_customers_may_use_the_same_key(
    launch: Launcher, producer: Producer, api: Client, receiver: Receiver
) -> None:
    add_customer(api, receiver, "acme")
    launch.ingest()
    await producer.streams_exist()
    for customer in ("acme", "default"):
        body = {"to": customer, "content": 1}
        await producer.publish(body, customer=customer, Nats_Msg_Id=f"{customer}:1", Idempotency_Key="1")
    await producer.all_taken()
    assert await producer.stored() == {"acme": 1, "default": 1}


async def test_a_subject_that_is_full_refuses_its_own_producer_alone(
    launch: Launcher, producer: Producer, api: Client, receiver: Receiver
) -> None:
    add_customer(api, receiver, "flood")
    ingest = launch.ingest(INGEST__PER_CUSTOMER="5")
    await producer.streams_exist()
    assert ingest.stop() == 0
    for number in range(5):
        await producer.publish({"to": f"flood-{number}", "content": number}, customer="flood")
    with pytest.raises(APIError, match="maximum messages per subject exceeded"):
        await producer.publish({"to": "too much", "content": 1}, customer="flood")
    await producer.publish({"to": "other", "content": 1})
    launch.ingest(INGEST__PER_CUSTOMER="5")
    await producer.all_taken()
    assert await producer.stored() == {**{f"flood-{number}": 1 for number in range(5)}, "other": 1}
    await producer.publish({"to": "room again", "content": 1}, customer="flood")


async def test_two_processes_share_the_work(launch: Launcher, producer: Producer) -> None:
    processes = [launch.ingest(index=index, count=2, INGEST__BATCH_SIZE="20") for index in range(2)]
    await eventually(lambda: all("taking messages in" in one.tail() for one in processes), "both pull")
    await asyncio.gather(*(producer.publish({"to": f"to-{number}", "content": number}) for number in range(1_000)))
    await producer.all_taken()
    assert await producer.stored() == {f"to-{number}": 1 for number in range(1_000)}


async def test_messages_are_taken_in_while_the_fleet_is_stopped(
    launch: Launcher, producer: Producer, api: Client, receiver: Receiver
) -> None:
    launch.worker()
    launch.ingest()
    await producer.streams_exist()
    assert api.call("POST", "/v1/scheduler/stop", {}).status in (200, 202)
    await producer.publish({"to": "bob", "content": "later"})
    await producer.all_taken()
    assert await producer.stored() == {"bob": 1}
    assert receiver.received == []
    assert api.call("POST", "/v1/scheduler/start", {}).status in (200, 202)
    await eventually(lambda: receiver.received, "the message arrived")


async def test_messages_of_a_paused_customer_are_taken_in_and_wait_for_its_resumption(
    launch: Launcher, producer: Producer, api: Client, receiver: Receiver
) -> None:
    add_customer(api, receiver, "acme")
    assert api.call("POST", "/v1/customers/acme/pause", {}).status < 300
    launch.worker()
    launch.ingest()
    await producer.streams_exist()
    await producer.publish({"to": "held", "content": 1}, customer="acme")
    await producer.publish({"to": "goes on", "content": 1})
    await producer.all_taken()
    assert await producer.stored() == {"held": 1, "goes on": 1}
    await eventually(lambda: receiver.received, "the message of another customer arrived")
    (held,) = api.call("GET", "/v1/messages?customer=acme").body["data"]
    explained = api.call("GET", f"/v1/messages/{held['id']}/explain").body
    assert [reason["cause"] for reason in explained["reasons"]] == ["paused"]
    assert api.call("POST", "/v1/customers/acme/resume", {}).status < 300
    await eventually(lambda: len(receiver.received) == 2, "the message that was held arrived")
    assert [received.message["to"] for received in receiver.received] == ["goes on", "held"]


async def test_the_ingest_is_a_member_of_the_fleet(launch: Launcher, producer: Producer, api: Client) -> None:
    launch.ingest("door")
    await producer.streams_exist()

    def known() -> bool:
        instances = api.call("GET", "/v1/scheduler").body["instances"]
        return "door" in {one["instance"] for one in instances}

    await eventually(known, "the fleet shows the ingest")


async def test_what_is_in_hand_is_stored_before_the_end(launch: Launcher, producer: Producer) -> None:
    ingest = launch.ingest()
    await producer.streams_exist()
    published = [await producer.publish({"to": f"to-{number}", "content": number}) for number in range(300)]
    started = time.monotonic()
    assert ingest.stop() == 0
    assert time.monotonic() - started < 10
    left = (await producer.stream()).state.messages
    assert sum((await producer.stored()).values()) == len(published) - left
    launch.ingest()
    await producer.all_taken(timeout=10)  # what was given back comes at once, without waiting for its time to run out
    assert await producer.stored() == {f"to-{number}": 1 for number in range(300)}


async def test_a_message_keeps_what_only_an_exact_number_can_say(
    launch: Launcher, producer: Producer, sendoff_database: str
) -> None:
    launch.ingest()
    await producer.streams_exist()
    await producer.publish(b'{"to": "bob", "content": 0.10000000000000000000001}')
    await producer.all_taken()
    with psycopg.connect(sendoff_database) as connection:
        row = connection.execute("SELECT payload FROM messages").fetchone()
    assert row is not None
    assert "0.10000000000000000000001" in (row[0] if isinstance(row[0], str) else json.dumps(row[0]))


async def test_two_batches_are_stored_at_a_time_and_no_more_than_four_are_in_hand(
    launch: Launcher, producer: Producer, api: Client, receiver: Receiver
) -> None:
    """Whole batches of customers, none of whom floods, come while PostgreSQL is busy with the first."""
    for customer in CUSTOMERS:
        add_customer(api, receiver, customer)
    launch.ingest(INGEST__BATCH_SIZE="200")
    await producer.streams_exist()
    async with await psycopg.AsyncConnection.connect(producer.database, autocommit=True) as db:

        async def waiting() -> int:
            return int((await (await db.execute(WAITING)).fetchall())[0][0])

        async def are_two() -> bool:
            return await waiting() == 2

        async with db.transaction():
            await db.execute("LOCK TABLE due IN EXCLUSIVE MODE")
            for number in range(60 * len(CUSTOMERS)):
                await producer.publish({"to": str(number), "content": 1}, customer=CUSTOMERS[number % len(CUSTOMERS)])
            await eventually(are_two, "two are being stored")
            await asyncio.sleep(0.3)
            assert await waiting() == 2
            lanes = await producer.jetstream.consumers_info(ingest_stream_name(producer.prefix))
            assert 0 < sum(lane.num_ack_pending or 0 for lane in lanes) <= MOST_IN_HAND
    await producer.all_taken()
    assert set((await producer.stored()).values()) == {1}
