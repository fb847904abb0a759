"""The streams are made, kept to the settings, and refused if they are somebody else's."""

from nats.js.api import RetentionPolicy

from sendoff_domain.stream_names import ingest_stream_name, ingest_subject, rejected_stream_name
from sendoff_ingest.streams import CONSUMER
from support.instances import Launcher
from support.producer import Producer
from support.waiting import eventually


async def test_the_streams_are_made_as_the_settings_say(launch: Launcher, producer: Producer) -> None:
    launch.ingest(INGEST__PER_CUSTOMER="7", INGEST__DUPLICATE_WINDOW="3m", INGEST__REJECTED__MAX_AGE="2d")
    await producer.streams_exist()
    config = (await producer.stream()).config
    assert (config.retention, config.discard, config.storage) == ("workqueue", "new", "file")
    assert (config.max_msgs_per_subject, config.discard_new_per_subject) == (7, True)
    assert (config.duplicate_window, config.max_bytes, config.num_replicas) == (180, 64 * 2**20, 1)
    rejected = (await producer.jetstream.stream_info(rejected_stream_name(producer.prefix))).config
    assert (rejected.retention, rejected.discard, rejected.max_age) == ("limits", "old", 2 * 86_400)
    consumer = (await producer.jetstream.consumer_info(ingest_stream_name(producer.prefix), CONSUMER)).config
    assert (consumer.ack_policy, consumer.max_deliver, consumer.max_ack_pending) == ("explicit", -1, 4_000)


async def test_a_stream_is_brought_to_new_limits_and_keeps_its_messages(launch: Launcher, producer: Producer) -> None:
    first = launch.ingest()
    await producer.streams_exist()
    assert first.stop() == 0
    await producer.publish({"to": "bob", "content": 1})
    launch.ingest(INGEST__PER_CUSTOMER="9", INGEST__MAX_ACK_PENDING="5000")

    async def limits() -> bool:
        consumer = (await producer.jetstream.consumer_info(ingest_stream_name(producer.prefix), CONSUMER)).config
        return ((await producer.stream()).config.max_msgs_per_subject, consumer.max_ack_pending) == (9, 5_000)

    await eventually(limits, "the new limits hold")
    await producer.all_taken()
    assert await producer.stored() == {"bob": 1}


async def test_a_stream_of_another_kind_is_refused_with_words(launch: Launcher, producer: Producer) -> None:
    await producer.jetstream.add_stream(
        name=ingest_stream_name(producer.prefix),
        subjects=[ingest_subject(producer.prefix, "*")],
        retention=RetentionPolicy.LIMITS,
    )
    ingest = launch.ingest()
    await eventually(lambda: not ingest.alive, "the process has ended")
    assert ingest.popen.returncode == 2
    assert "retention is limits, expected workqueue" in ingest.tail()
    assert "Traceback" not in ingest.tail()


async def test_nats_that_is_away_is_waited_for(launch: Launcher, producer: Producer) -> None:
    ingest = launch.ingest(NATS__URL="nats://127.0.0.1:1")
    await eventually(lambda: ingest.tail().count("the session on NATS has ended") >= 2, "it tries again")
    assert ingest.alive
    assert ingest.stop() == 0


async def test_limits_that_nats_cannot_keep_are_said_and_tried_again(launch: Launcher, producer: Producer) -> None:
    ingest = launch.ingest(INGEST__REPLICAS="3")
    await eventually(lambda: "replicas > 1 not supported" in ingest.tail(), "NATS's words are in the log")
    assert ingest.alive
