"""What is handed in one by one is handled many at a time."""

import asyncio

from sendoff_actors.sender.micro_batches import MicroBatches
from sendoff_config.service import run_services
from sendoff_domain.errors import UnavailableError
from support.waiting import eventually


async def test_after_a_batch_the_next_one_gathers_while_it_rests() -> None:
    handled: list[list[int]] = []

    async def handle(items: list[int]) -> None:
        handled.append(items)

    batches = MicroBatches("numbers", handle, rest=0.5)
    async with run_services(batches):
        batches.put(1)
        await eventually(lambda: handled == [[1]], "the first one does not wait")
        for number in (2, 3, 4):
            batches.put(number)
            await asyncio.sleep(0)
        await eventually(lambda: len(handled) == 2, "the rest is over")
    assert handled == [[1], [2, 3, 4]]


async def test_draining_waits_until_all_that_gathers_is_handled() -> None:
    handled: list[list[int]] = []

    async def handle(items: list[int]) -> None:
        await asyncio.sleep(0.01)
        handled.append(items)

    batches = MicroBatches("numbers", handle, largest=2, rest=0.05)
    async with run_services(batches):
        for number in range(5):
            batches.put(number)
        await batches.drain(10)
        assert handled == [[0, 1], [2, 3], [4]]


async def test_draining_nothing_is_over_at_once() -> None:
    async def handle(_: list[int]) -> None:
        """Never called."""

    await asyncio.wait_for(MicroBatches("numbers", handle).drain(60), 30)


async def test_draining_ends_in_time_although_a_server_is_gone() -> None:
    async def handle(_: list[int]) -> None:
        raise UnavailableError("gone")

    batches = MicroBatches("numbers", handle)
    async with run_services(batches):
        batches.put(1)
        await asyncio.wait_for(batches.drain(0.05), 30)


async def test_a_batch_is_tried_until_its_server_is_back() -> None:
    handled: list[list[int]] = []

    async def handle(items: list[int]) -> None:
        handled.append(items)
        if len(handled) < 3:
            raise UnavailableError("gone")

    batches = MicroBatches("numbers", handle)
    batches.put(1)
    batches.put(2)
    await batches.run_once()
    assert handled == [[1, 2]] * 3


async def test_one_item_that_cannot_be_handled_does_not_take_the_others_with_it() -> None:
    handled: list[int] = []

    async def handle(items: list[int]) -> None:
        if 3 in items:
            raise ValueError("3")
        handled.extend(items)

    batches = MicroBatches("numbers", handle)
    for number in range(6):
        batches.put(number)
    await batches.run_once()
    assert handled == [0, 1, 2, 4, 5]
