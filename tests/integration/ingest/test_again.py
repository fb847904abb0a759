"""What NATS delivers a second time is stored once, with a key of its producer's or without."""

from sendoff_config.settings import PartitionSettings, PostgresSettings
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import open_pool
from sendoff_domain.stream_names import ingest_stream_name
from sendoff_ingest.reading import MessageReader
from sendoff_ingest.streams import CONSUMER, origin_of
from sendoff_intake.store import MessageStore, WakeUp
from sendoff_intake.submission import Stored, Submission
from sendoff_intake.submission_reader import SubmissionReader
from support.instances import Launcher
from support.producer import Producer
from support.waiting import eventually

COUNT = 50


async def test_a_process_that_dies_between_the_commit_and_the_acknowledgement_doubles_nothing(
    launch: Launcher, producer: Producer
) -> None:
    ingest = launch.ingest()
    await producer.streams_exist()
    assert ingest.stop() == 0
    for number in range(COUNT):
        await producer.publish({"to": f"to-{number}", "content": number})
        await producer.publish({"to": f"key-{number}", "content": number}, Idempotency_Key=f"key-{number}")
    await store_without_acknowledging(producer, 2 * COUNT)
    once = {**{f"to-{number}": 1 for number in range(COUNT)}, **{f"key-{number}": 1 for number in range(COUNT)}}
    assert await producer.stored() == once
    assert (await producer.stream()).state.messages == 2 * COUNT
    launch.ingest()
    await producer.all_taken()
    assert await producer.stored() == once
    assert await producer.rejections() == []


async def store_without_acknowledging(producer: Producer, count: int) -> None:
    """Do all that the ingest does up to the commit, and then give the messages back as NATS does after a death."""
    name = ingest_stream_name(producer.prefix)
    subscription = await producer.jetstream.pull_subscribe_bind(CONSUMER, name)
    messages = await subscription.fetch(count)
    while len(messages) < count:
        messages += await subscription.fetch(count - len(messages))
    clock = DatabaseClock()
    async with open_pool(PostgresSettings(url=producer.database), "test") as pool:
        async with pool.connection() as connection:
            await clock.sample(connection)
        reader = MessageReader(SubmissionReader(clock.now), origin_of(await producer.stream()))
        store = MessageStore(
            pool=pool,
            partitions=PartitionSettings(),
            wake_up=WakeUp(clock, lambda: None),
        )
        read = [reader.read(message) for message in messages]
        results = await store.store([one for one in read if isinstance(one, Submission)])
    assert [type(result) for result in results] == [Stored] * count
    for message in messages:
        await message.nak()
    await subscription.unsubscribe()


async def test_a_stream_that_was_made_anew_counts_from_one_and_loses_nothing(
    launch: Launcher, producer: Producer
) -> None:
    ingest = launch.ingest()
    for recipient in ("first life", "second life"):
        await producer.streams_exist()
        await producer.publish({"to": recipient, "content": 1})
        await producer.all_taken()
        await producer.jetstream.delete_stream(ingest_stream_name(producer.prefix))
    await eventually(lambda: ingest.alive, "the process goes on without its stream")
    assert await producer.stored() == {"first life": 1, "second life": 1}
