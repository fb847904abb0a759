"""What is handed in one by one is handled many at a time."""

import asyncio

import pytest

from sendoff_actors.micro_batches import MicroBatches
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


async def test_an_item_that_is_refused_alone_is_tried_again_and_then_set_aside() -> None:
    tries: list[list[str]] = []
    aside: list[tuple[str, str]] = []

    async def handle(items: list[str]) -> None:
        tries.append(items)
        if "bad" in items:
            raise ValueError("what it holds is nobody's business")

    batches = MicroBatches(
        "names", handle, set_aside=lambda item, why: aside.append((item, why)), patience=(0.01, 0.01)
    )
    async with run_services(batches):
        for name in ("bad", "good"):
            batches.put(name)
        await eventually(lambda: aside, "it is set aside")
        await batches.drain(30)
    assert tries == [["bad", "good"], ["bad"], ["good"], ["bad"], ["bad"]]
    assert aside == [("bad", "ValueError")]


async def test_an_item_that_is_taken_after_all_has_all_its_tries_again() -> None:
    refusals = iter([True, False, True, False])
    aside: list[str] = []

    async def handle(_: list[str]) -> None:
        if next(refusals):
            raise ValueError

    batches = MicroBatches("names", handle, set_aside=lambda item, _: aside.append(item), patience=(0.01,))
    async with run_services(batches):
        for _ in range(2):
            batches.put("one")
            await batches.drain(30)
    assert (next(refusals, None), aside) == (None, [])


async def test_draining_waits_for_what_is_tried_again() -> None:
    handled: list[int] = []

    async def handle(items: list[int]) -> None:
        if not handled:
            handled.append(0)
            raise ValueError
        handled.extend(items)

    batches = MicroBatches("numbers", handle, patience=(0.05,))
    async with run_services(batches):
        batches.put(1)
        await batches.drain(30)
    assert handled == [0, 1]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed"),
        asyncio.CancelledError(),
        ConnectionResetError(),
        TimeoutError(),
        asyncio.IncompleteReadError(b"", 1),
    ],
    ids=repr,
)
async def test_what_a_client_library_raises_for_a_lost_connection_is_no_fault_of_an_item(error: BaseException) -> None:
    handled: list[list[int]] = []

    async def handle(items: list[int]) -> None:
        handled.append(items)
        if len(handled) == 1:
            raise error

    batches = MicroBatches("numbers", handle)
    async with run_services(batches):
        for number in (1, 2):
            batches.put(number)
        await batches.drain(30)
    assert handled == [[1, 2], [1, 2]]


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
