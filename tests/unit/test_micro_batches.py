"""What is handed in one by one is handled many at a time."""

import asyncio

from sendoff_actors.sender.micro_batches import MicroBatches
from support.waiting import eventually


async def test_after_a_batch_the_next_one_gathers_while_it_rests() -> None:
    handled: list[list[int]] = []

    async def handle(items: list[int]) -> None:
        handled.append(items)

    batches = MicroBatches("numbers", handle, rest=0.5)
    batches.put(1)
    await eventually(lambda: handled == [[1]], "the first one waits for nobody")
    for number in (2, 3, 4):
        batches.put(number)
        await asyncio.sleep(0)
    await eventually(lambda: len(handled) == 2, "the rest is over")
    await batches.close(1)
    assert handled == [[1], [2, 3, 4]]


async def test_closing_handles_what_still_gathers() -> None:
    handled: list[list[int]] = []

    async def handle(items: list[int]) -> None:
        handled.append(items)

    batches = MicroBatches("numbers", handle, rest=0.1)
    batches.put(1)
    await eventually(lambda: handled, "the first one is handled")
    batches.put(2)
    await batches.close(5)
    assert handled == [[1], [2]]
