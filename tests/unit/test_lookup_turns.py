"""Who may look up a name next."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from sendoff_webhooks.client.lookup_memory import LookupMemory
from sendoff_webhooks.client.lookup_turns import LookupTurns
from sendoff_webhooks.client.name_lookup import NameLookup
from support.waiting import eventually


class Lookups:
    """Look-ups in the order in which they began; they last until they are cancelled, or `over`."""

    def __init__(self, turns: LookupTurns) -> None:
        self.turns = turns
        self.running: list[str] = []
        self.began: list[str] = []
        self.over = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    def ask(self, customer: str, times: int = 1) -> None:
        self.tasks += [asyncio.create_task(self._look_up(customer)) for _ in range(times)]

    async def _look_up(self, customer: str) -> None:
        async with self.turns.turn(customer):
            self.began.append(customer)
            self.running.append(customer)
            self.over.clear()
            try:
                await self.over.wait()
            finally:
                self.running.remove(customer)


Ask = Callable[..., Lookups]


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    made: list[Lookups] = []

    def make(most: int, *, patience: float = 60, quick: int = 100, share: int = 100) -> Lookups:
        made.append(Lookups(LookupTurns(most, quick=quick, share=share, patience=patience)))
        return made[-1]

    yield make
    for lookups in made:
        for task in lookups.tasks:
            task.cancel()
        await asyncio.gather(*lookups.tasks, return_exceptions=True)


@asynccontextmanager
async def settled() -> AsyncIterator[None]:
    yield
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_customer_has_no_more_than_its_share(ask: Ask) -> None:
    lookups = ask(10, share=3)
    async with settled():
        lookups.ask("greedy", 50)
        lookups.ask("modest")
    assert lookups.running == ["greedy"] * 3 + ["modest"]


async def test_customers_take_turns(ask: Ask) -> None:
    lookups = ask(1)
    async with settled():
        lookups.ask("a", 3)
        lookups.ask("b", 2)
        lookups.ask("c")
    for _ in range(6):
        async with settled():
            lookups.over.set()
    assert lookups.began == ["a", "a", "b", "c", "a", "b"], "a had a turn before any other waited"


async def test_slow_look_ups_make_room_for_others_up_to_the_most(ask: Ask) -> None:
    lookups = ask(6, quick=2, patience=0.05)
    lookups.ask("dead", 9)
    await eventually(lambda: len(lookups.running) == 6, "two after two")
    await asyncio.sleep(0.2)
    assert len(lookups.running) == 6


async def test_who_gives_up_leaves_the_turn_to_the_next(ask: Ask) -> None:
    lookups = ask(1)
    async with settled():
        lookups.ask("first")
        lookups.ask("second")
        lookups.ask("third")
    async with settled():
        lookups.tasks[1].cancel()
    async with settled():
        lookups.tasks[0].cancel()
    assert lookups.running == ["third"]
    async with settled():
        lookups.tasks[2].cancel()
    async with settled():
        lookups.ask("fourth")
    assert lookups.running == ["fourth"], "nothing is left over"


async def test_who_is_let_through_while_giving_up_takes_no_turn_along(ask: Ask) -> None:
    lookups = ask(1)
    async with settled():
        lookups.ask("first")
        lookups.ask("second")
    async with settled():
        lookups.tasks[0].cancel()
        await asyncio.sleep(0)
        lookups.tasks[1].cancel()
    async with settled():
        lookups.ask("third")
    assert lookups.running == ["third"]


async def test_a_turn_that_ends_in_the_moment_in_which_the_next_one_gives_up_is_not_lost(ask: Ask) -> None:
    lookups = ask(1, share=1)
    async with settled():
        lookups.ask("slow", 3)
    async with settled():
        lookups.tasks[0].cancel()
        lookups.tasks[1].cancel()
    assert lookups.running == ["slow"], "the third"
    async with settled():
        lookups.tasks[2].cancel()
    async with settled():
        lookups.ask("slow")
    assert lookups.running == ["slow"], "nothing is left over"
    ended = await asyncio.gather(*lookups.tasks[:3], return_exceptions=True)
    assert [type(end) for end in ended] == [asyncio.CancelledError] * 3


async def test_who_asks_when_the_last_one_has_just_given_up_is_answered_all_the_same() -> None:
    answers = asyncio.Event()

    async def resolve(host: str) -> Sequence[str]:
        await answers.wait()
        return ["192.0.2.1"]

    async def give_up_and_ask_again() -> tuple[str, ...]:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await lookup.addresses("fifth.test", "customer", trusted=True)
        return await lookup.addresses("fifth.test", "customer", trusted=True)

    lookup = NameLookup([], resolve)
    share = [asyncio.create_task(lookup.addresses(f"{name}.test", "customer", trusted=True)) for name in range(4)]
    again = asyncio.create_task(give_up_and_ask_again())
    await asyncio.sleep(0.2)
    answers.set()
    await asyncio.gather(*share, return_exceptions=True)
    try:
        assert await again == ("192.0.2.1",)
    finally:
        lookup.close()


def test_a_name_that_was_slow_to_fail_is_a_suspect_until_it_resolves() -> None:
    memory = LookupMemory(kept=30)
    memory.note_failure("quick.test", "unknown", slow=False)
    memory.note_failure("slow.test", "no answer", slow=True)
    assert [memory.is_suspect(name) for name in ("quick.test", "slow.test", "new.test")] == [False, True, False]
    memory.note_found("slow.test", ("192.0.2.1",))
    assert not memory.is_suspect("slow.test")


def test_what_is_remembered_is_bounded() -> None:
    memory = LookupMemory(kept=30)
    for number in range(10_050):
        memory.note_found(f"{number}.test", ("192.0.2.1",))
    assert memory.fresh("49.test") is None
    assert memory.fresh("50.test") == memory.fresh("10049.test") == ("192.0.2.1",)
