"""Markers in Redis: what was sent is not sent again; without Redis everything goes on."""

from collections.abc import Sequence

import pytest
from redis.asyncio import Redis

from sendoff_actors.handoffs import Claimed
from sendoff_actors.sender.markers import Marker, Markers
from sendoff_config.service import run_services
from support.actor_statements import run_statement
from support.claims import claimed, failed_attempt
from support.messages import accept
from support.proxy import open_proxy
from support.receiver import Receiver
from support.servers import RedisUrls
from support.waiting import eventually
from support.worker import Worker

MARKER = Marker(1_800_000_000.25, 200, 1500, "ext-1")
KEY = b"k" * 32
NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@pytest.fixture
def markers(worker: Worker) -> Markers:
    return Markers(worker.cache, key=KEY)


async def test_what_was_written_is_found_by_generation(markers: Markers) -> None:
    sent, other = claimed(id="a" * 32, generation=1), claimed(id="b" * 32)
    await markers.write([(sent, MARKER)])
    assert await markers.find([sent, other]) == {sent.id: MARKER}
    assert await markers.find([claimed(id=sent.id, generation=2)]) == {}, "it is to be sent once more"
    assert await markers.find([]) == {}


async def test_many_are_written_at_once_and_none_is_mistaken_for_another(markers: Markers) -> None:
    sent = [(claimed(id=f"{number:032x}"), Marker(float(number), 200, number, None)) for number in range(500)]
    await markers.write(sent)
    assert await markers.find([message for message, _ in sent]) == {message.id: marker for message, marker in sent}


async def test_a_marker_that_no_process_of_the_fleet_made_is_none(worker: Worker, markers: Markers) -> None:
    sent, other = claimed(id="a" * 32), claimed(id="b" * 32)
    await markers.write([(sent, MARKER)])
    made = await worker.cache.get(f"sendoff:sent:{sent.id}:0")
    assert await Markers(worker.cache, key=b"another").find([sent]) == {}
    assert isinstance(made, bytes)
    for forged in (made, b"", made[:20], made[32:], made[:32] + b"[1,200,0,null]", b"[1,200,0,null]", b"\xff" * 40):
        await worker.cache.set(f"sendoff:sent:{other.id}:0", forged)
        assert await markers.find([sent, other]) == {sent.id: MARKER}, forged


async def exist(worker: Worker, messages: Sequence[Claimed]) -> int:
    """How many of these have a marker."""
    return int(await worker.cache.exists(*(f"sendoff:sent:{message.id}:{message.generation}" for message in messages)))


async def test_a_marker_lives_long_until_it_is_recorded_and_goes_with_a_later_one(worker: Worker) -> None:
    markers = Markers(worker.cache, rest=0, key=KEY)
    first, second = claimed(id="a" * 32), claimed(id="b" * 32)
    await markers.write([(first, MARKER)])
    assert 3600 < await worker.cache.ttl(f"sendoff:sent:{first.id}:0") <= 6 * 3600
    markers.recorded([first])
    assert await exist(worker, [first]) == 1, "that costs no round trip of its own"
    await markers.write([(second, MARKER)])
    assert (await exist(worker, [first]), await exist(worker, [second])) == (0, 1)


async def test_a_marker_stays_for_seconds_after_it_was_recorded(worker: Worker, markers: Markers) -> None:
    await markers.write([(claimed(), MARKER)])
    markers.recorded([claimed()])
    await markers.write([(claimed(id="b" * 32), MARKER)])
    await markers.run_once()
    assert await exist(worker, [claimed()]) == 1, "a promoted standby may have forgotten the record"
    await markers.close()
    assert await exist(worker, [claimed()]) == 0


async def test_the_last_markers_go_although_none_follows(worker: Worker) -> None:
    markers = Markers(worker.cache, rest=0.1, key=KEY)
    for start in range(0, 2500, 500):
        sent = [claimed(id=f"{number:032x}") for number in range(start, start + 500)]
        await markers.write([(message, MARKER) for message in sent])
        markers.recorded(sent)
    async with run_services(markers):
        await eventually(lambda: worker_is_empty(worker), "all have gone")


async def worker_is_empty(worker: Worker) -> bool:
    return int(await worker.cache.dbsize()) == 0


async def test_what_redis_did_not_take_away_goes_when_it_is_back(worker: Worker, redis_urls: RedisUrls) -> None:
    async with open_proxy(redis_urls.cache) as proxy, Redis.from_url(proxy.url, retry=None) as cut_off:
        markers = Markers(cut_off, rest=0, key=KEY)
        await markers.write([(claimed(), MARKER)])
        markers.recorded([claimed()])
        await proxy.cut()
        await markers.run_once()
        assert await exist(worker, [claimed()]) == 1
        proxy.restore()
        await markers.run_once()
        assert await exist(worker, [claimed()]) == 0


async def test_the_marker_of_a_recorded_failure_goes_but_no_delivery_that_was_marked_since(
    worker: Worker, markers: Markers
) -> None:
    failure, other = failed_attempt(id="a" * 32), failed_attempt(id="b" * 32)
    await markers.write_failures([failure, other])
    await markers.write([(claimed(id=other.id), MARKER)])
    await markers.recorded_failures([failure, other])
    assert await exist(worker, [claimed(id=failure.id)]) == 0
    assert await exist(worker, [claimed(id=other.id)]) == 1


async def test_what_redis_keeps_stays_flat_however_many_are_sent(worker: Worker) -> None:
    markers = Markers(worker.cache, rest=0, key=KEY)
    kept = []
    for start in range(0, 50_000, 500):
        sent = [claimed(id=f"{number:032x}") for number in range(start, start + 500)]
        await markers.write([(message, MARKER) for message in sent])
        markers.recorded(sent)
        kept.append(await worker.cache.dbsize())
    assert max(kept) <= 1000


async def test_a_fence_outlives_the_lease_of_its_batch(worker: Worker) -> None:
    assert await Markers(worker.cache, lease=3600, key=KEY).is_first_arrival("batch-1")
    assert await worker.cache.ttl("sendoff:batch:batch-1") > 3600


async def test_a_batch_is_taken_once_in_the_whole_fleet(worker: Worker, markers: Markers) -> None:
    taken = [await one.is_first_arrival("batch-1") for one in (markers, markers, Markers(worker.cache, key=KEY))]
    assert taken == [True, False, False]
    assert await markers.is_first_arrival("batch-2")


async def test_a_broken_marker_keeps_no_other_message_waiting(worker: Worker, markers: Markers) -> None:
    sent, broken = claimed(id="a" * 32), claimed(id="b" * 32)
    await markers.write([(sent, MARKER), (broken, MARKER)])
    await worker.cache.set(f"sendoff:sent:{broken.id}:0", b"\xff no marker")
    assert await markers.find([sent, broken]) == {sent.id: MARKER}


async def test_two_prefixes_do_not_see_each_other(worker: Worker, markers: Markers) -> None:
    await markers.write([(claimed(), MARKER)])
    assert await Markers(worker.cache, "other", key=KEY).find([claimed()]) == {}


async def test_without_redis_everything_goes_on() -> None:
    async with Redis.from_url(NOBODY_LISTENS, retry=None) as gone:
        markers = Markers(gone, key=KEY)
        await markers.write([(claimed(), MARKER)])
        assert await markers.find([claimed()]) == {}
        assert await markers.is_first_arrival("batch-1"), "a batch that may be new is sent"


async def test_a_marker_stays_while_another_claim_may_need_it(sender: Worker, receiver: Receiver) -> None:
    (message_id,) = await accept(sender.db)
    await sender.accept()
    await sender.requests_over()
    await sender.db.execute("UPDATE due SET visible_at = now() - interval '1 s' WHERE holder IS NOT NULL")
    await run_statement(sender.db, "reap_expired", {})
    await sender.record()
    await sender.parts.markers.close()
    assert not await sender.scalar("SELECT sent FROM message_status"), "the claim was lost before it was recorded"
    assert await sender.cache.exists(f"sendoff:sent:{message_id.hex}:0")
    await sender.accept()
    await sender.record()
    await sender.parts.markers.close()
    assert await sender.scalar("SELECT sent FROM message_status")
    assert not await sender.cache.exists(f"sendoff:sent:{message_id.hex}:0")
    assert len(receiver.received) == 1


async def test_a_hand_off_that_comes_again_after_its_marker_has_gone_is_dropped(
    sender: Worker, receiver: Receiver
) -> None:
    await accept(sender.db)
    (batch,) = await sender.accept()
    await sender.requests_over()
    await sender.record()
    await sender.parts.markers.close()
    await sender.parts.sender.sending.accept(batch)
    await sender.requests_over()
    assert sender.parts.sender.holdings.is_empty()
    assert len(receiver.received) == 1
