"""Markers in Redis: what was sent is not sent again; without Redis everything goes on."""

import pytest
from redis.asyncio import Redis

from sendoff_actors.sender.markers import Marker, Markers
from support.claims import claimed
from support.worker import Worker

MARKER = Marker(1_800_000_000.25, 200, 1500, "ext-1")
NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@pytest.fixture
def markers(worker: Worker) -> Markers:
    return Markers(worker.cache)


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


async def test_a_marker_goes_by_itself_when_no_claim_can_need_it_any_more(worker: Worker, markers: Markers) -> None:
    await markers.write([(claimed(), MARKER)])
    (key,) = [key async for key in worker.cache.scan_iter()]
    assert 3600 < await worker.cache.ttl(key) <= 6 * 3600


async def test_a_batch_is_taken_once_in_the_whole_fleet(worker: Worker, markers: Markers) -> None:
    taken = [await one.is_first_arrival("batch-1") for one in (markers, markers, Markers(worker.cache))]
    assert taken == [True, False, False]
    assert await markers.is_first_arrival("batch-2")


async def test_a_broken_marker_keeps_no_other_message_waiting(worker: Worker, markers: Markers) -> None:
    sent, broken = claimed(id="a" * 32), claimed(id="b" * 32)
    await markers.write([(sent, MARKER), (broken, MARKER)])
    await worker.cache.set(f"sendoff:sent:{broken.id}:0", b"\xff no marker")
    assert await markers.find([sent, broken]) == {sent.id: MARKER}


async def test_two_prefixes_do_not_see_each_other(worker: Worker, markers: Markers) -> None:
    await markers.write([(claimed(), MARKER)])
    assert await Markers(worker.cache, "other").find([claimed()]) == {}


async def test_without_redis_everything_goes_on() -> None:
    async with Redis.from_url(NOBODY_LISTENS, retry=None) as gone:
        markers = Markers(gone)
        await markers.write([(claimed(), MARKER)])
        assert await markers.find([claimed()]) == {}
        assert await markers.is_first_arrival("batch-1"), "a batch that may be new is sent"
