"""What PostgreSQL refuses is written later, or set aside alone: nothing is both forgotten and held."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from sendoff_actors.handoffs import Undeliverable
from sendoff_config.service import run_services
from sendoff_domain.control import Action, Command
from sendoff_domain.message import DeathReason
from sendoff_domain.outcome import ErrorClass, Failed
from support.actor_statements import run_statement
from support.claims import claimed
from support.messages import accept
from support.receiver import Receiver
from support.refusals import read_only, refusing
from support.servers import Servers
from support.waiting import eventually
from support.worker import Worker

each_outage = pytest.mark.parametrize("sqlstate", ["25006", "25P03", "26000", "42P05", "42501", "53100", "57P01"])
each_poison = pytest.mark.parametrize("sqlstate", ["22003", "23505", "54000", "P0001", "XX000"])


@asynccontextmanager
async def recording(worker: Worker) -> AsyncIterator[None]:
    """Let the process write what came of its requests until the block ends."""
    async with run_services(*worker.parts.sender.recorder.batches):
        yield


def held(worker: Worker) -> set[UUID]:
    """The messages whose leases this process renews."""
    return {UUID(hex=message.claimed.id) for message in worker.parts.sender.holdings.ending_before(float("inf"))}


async def statuses(worker: Worker) -> dict[UUID, str]:
    return dict(await worker.rows("SELECT id, status FROM message_status"))


async def send(worker: Worker, count: int = 3) -> list[UUID]:
    """Messages that were sent; what came of them is not written yet."""
    ids = await accept(worker.db, count)
    for _ in range(count):  # the process has two slots
        await worker.accept()
    await worker.requests_over()
    return ids


@each_outage
async def test_deliveries_wait_through_an_outage_and_are_recorded_once(
    sender: Worker, receiver: Receiver, sqlstate: str
) -> None:
    ids = await send(sender)
    async with refusing(sender.db, "deliveries", sqlstate):
        writing = asyncio.create_task(sender.record())
        await asyncio.wait({writing}, timeout=0.3)
        assert not writing.done()
        assert held(sender) == set(ids), "their leases are renewed as long as they wait"
    await writing
    assert await statuses(sender) == dict.fromkeys(ids, "sent")
    assert held(sender) == set()
    assert set(receiver.ids().values()) == {1}


async def test_deliveries_wait_while_the_server_can_only_be_read(
    sender: Worker, receiver: Receiver, servers: Servers
) -> None:
    ids = await send(sender)
    async with AsyncExitStack() as services:
        with read_only(servers.postgres):
            await services.enter_async_context(recording(sender))
            await asyncio.sleep(0.3)
            assert held(sender) == set(ids)
        await eventually(lambda: held(sender) == set(), "all are recorded")
    assert await statuses(sender) == dict.fromkeys(ids, "sent")
    assert set(receiver.ids().values()) == {1}


@each_poison
async def test_one_delivery_that_is_refused_for_good_is_set_aside_alone(sender: Worker, sqlstate: str) -> None:
    ids = await send(sender)
    async with refusing(sender.db, "deliveries", sqlstate, when=f"NEW.message_id = '{ids[1]}'"), recording(sender):
        await eventually(lambda: held(sender) == {ids[1]}, "the others are recorded")
        await eventually(lambda: held(sender) == set(), "its lease is no longer renewed")
    assert await statuses(sender) == {ids[0]: "sent", ids[1]: "sending", ids[2]: "sent"}


@each_poison
async def test_what_is_refused_for_a_moment_is_recorded_after_all(
    sender: Worker, receiver: Receiver, sqlstate: str
) -> None:
    ids = await send(sender)
    async with AsyncExitStack() as services:
        async with refusing(sender.db, "deliveries", sqlstate):
            await services.enter_async_context(recording(sender))
            await asyncio.sleep(0.3)
            assert held(sender) == set(ids)
        await eventually(lambda: held(sender) == set(), "all are recorded")
    assert await statuses(sender) == dict.fromkeys(ids, "sent")
    assert set(receiver.ids().values()) == {1}


async def test_a_delivery_that_was_set_aside_is_recorded_by_its_next_claim_without_a_request(
    sender: Worker, receiver: Receiver
) -> None:
    (message_id,) = await send(sender, 1)
    async with AsyncExitStack() as services:
        async with refusing(sender.db, "deliveries", "P0001"):
            await services.enter_async_context(recording(sender))
            await eventually(lambda: held(sender) == set(), "it is set aside")
        await take_back(sender)
        await sender.accept()
        await eventually(lambda: held(sender) == set(), "it is recorded")
    assert await statuses(sender) == {message_id: "sent"}
    assert receiver.ids() == {f"msg_{message_id.hex}": 1}


async def take_back(worker: Worker) -> None:
    """Let all leases run out."""
    await worker.db.execute("UPDATE due SET visible_at = now() - interval '1 s' WHERE holder IS NOT NULL")
    await run_statement(worker.db, "reap_expired", {})


@pytest.mark.parametrize("sqlstate", ["25006", "42501", "22003", "P0001"])
async def test_what_cannot_be_given_back_is_held_no_longer(sender: Worker, receiver: Receiver, sqlstate: str) -> None:
    """So its lease runs out, and it is claimed again."""
    receiver.hang(lambda _: True)
    ids = await accept(sender.db, 5)
    await sender.accept()
    await eventually(lambda: len(receiver.received) == 2, "both slots are taken")
    async with refusing(sender.db, "due", sqlstate, on="UPDATE"):
        await sender.parts.member.command(Command(Action.STOP), "http")
        await sender.record()
    assert len(held(sender)) == 2, "those on the wire"

    receiver.let_go()
    await sender.requests_over()
    await sender.record()
    await take_back(sender)
    found = await statuses(sender)
    assert sorted(found[one] for one in ids) == ["scheduled"] * 3 + ["sent"] * 2


async def test_a_release_that_is_refused_holds_back_no_other(sender: Worker, receiver: Receiver) -> None:
    receiver.hang(lambda _: True)
    ids = await accept(sender.db, 5)
    await sender.accept()
    await eventually(lambda: len(receiver.received) == 2, "both slots are taken")
    on_the_wire = {UUID(webhook_id.removeprefix("msg_")) for webhook_id in receiver.ids()}
    refused, *others = set(ids) - on_the_wire
    async with refusing(sender.db, "due", "P0001", on="UPDATE", when=f"NEW.message_id = '{refused}'"):
        await sender.parts.member.command(Command(Action.STOP), "http")
        await sender.record()
    assert await statuses(sender) == {
        **dict.fromkeys(on_the_wire, "sending"),
        **dict.fromkeys(others, "scheduled"),
        refused: "sending",
    }
    assert held(sender) == on_the_wire


async def test_a_lease_that_cannot_be_renewed_takes_no_other_with_it(sender: Worker, receiver: Receiver) -> None:
    receiver.hang(lambda _: True)
    ids = await accept(sender.db, 5)
    await sender.accept()
    messages = sender.parts.sender.holdings.ending_before(float("inf"))
    ending = sender.clock.now() + 2
    for message in messages:
        message.lease_until = ending
    async with refusing(sender.db, "due", "P0001", on="UPDATE", when=f"NEW.message_id = '{ids[3]}'"):
        await sender.parts.sender.renewal.run_once()
    kept = [message for message in messages if message.lease_until == ending]
    assert [UUID(hex=message.claimed.id) for message in kept] == [ids[3]]


async def test_a_delivery_that_took_longer_than_half_an_hour_is_recorded(sender: Worker) -> None:
    """A process may be frozen while a request is on the wire."""
    await send(sender, 1)
    sent = sender.parts.sender.recorder._marked
    await sender.parts.sender.recorder.batches[1].run_once()
    ((message, marker),) = sent._items
    long = type(marker)(marker.sent_at, 200, 10 * 3600 * 10**6, None)
    sent._items = [(message, long)]
    await sent.run_once()
    assert await sender.scalar("SELECT duration_us FROM deliveries") == 36_000_000_000


async def test_a_delivery_of_a_moment_without_a_partition_makes_one(sender: Worker, receiver: Receiver) -> None:
    ids = await send(sender)
    for (name,) in await sender.rows(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'deliveries'::regclass"
    ):
        await sender.db.execute(f"DROP TABLE {name}".encode())
    await sender.record()
    assert await statuses(sender) == dict.fromkeys(ids, "sent")
    assert set(receiver.ids().values()) == {1}


async def test_breakers_count_later_after_an_outage_and_poison_is_its_customers_own(
    sender: Worker, receiver: Receiver
) -> None:
    await sender.add_customer("other")
    breakers, outcomes = sender.parts.sender.breakers, sender.parts.sender.outcomes
    failed = await failure_of(sender, receiver)
    counted = "SELECT customer_id FROM breakers ORDER BY 1"
    async with refusing(sender.db, "breakers", "25006"):
        await breakers.run_once()
    assert await sender.rows(counted) == []
    async with refusing(sender.db, "breakers", "P0001", when="NEW.customer_id = 'default'"):
        outcomes.note(claimed(customer="other"), failed)
        await breakers.run_once()
    assert await sender.rows(counted) == [("other",)]
    outcomes.note(claimed(customer="default"), failed)
    await breakers.run_once()
    assert await sender.rows(counted) == [("default",), ("other",)]


async def failure_of(worker: Worker, receiver: Receiver) -> Any:
    """Let one request fail, which counts for the breaker; returns an outcome of the same kind."""
    receiver.answer(500)
    await send(worker, 1)
    return Failed(ErrorClass.CONNECTION_REFUSED, "nobody listens", 1)


async def test_a_report_of_saturation_that_is_refused_is_made_again(sender: Worker, receiver: Receiver) -> None:
    receiver.hang(lambda _: True)
    await accept(sender.db, 20)
    await sender.accept()
    saturation = sender.parts.sender.saturation

    async def reported() -> list[tuple[Any, ...]]:
        await saturation.run_once()
        return await sender.rows("SELECT customer_id FROM saturated_customers")

    async with refusing(sender.db, "saturated_customers", "25006"):
        await eventually(lambda: sender.parts.sender.dispatcher.rebalance(), "it is saturated")
        assert await reported() == []
    assert await eventually(reported, "it is reported") == [("default",)]


async def undeliverable(worker: Worker, message_id: UUID) -> Undeliverable:
    """A message that is claimed, on its way to the dead letters."""
    token = await worker.scalar("SELECT token FROM due WHERE message_id = %s", message_id)
    return Undeliverable(message_id.hex, token, DeathReason.REJECTED)


async def test_a_burial_that_is_refused_holds_back_no_other(sender: Worker) -> None:
    ids = await accept(sender.db, 3)
    await sender.claim()
    burials = sender.parts.burials
    async with refusing(sender.db, "dead_letters", "54000", when=f"NEW.message_id = '{ids[1]}'"):
        for one in ids:
            burials.put(await undeliverable(sender, one))
        await burials.run_once()
    assert await statuses(sender) == {ids[0]: "dead", ids[1]: "sending", ids[2]: "dead"}
    async with run_services(burials):
        await burials.drain(30)
    assert (await statuses(sender))[ids[1]] == "dead", "it is tried again"


async def test_a_burial_waits_through_an_outage(sender: Worker) -> None:
    (message_id,) = await accept(sender.db)
    await sender.claim()
    burials = sender.parts.burials
    async with AsyncExitStack() as services:
        async with refusing(sender.db, "dead_letters", "25006"):
            await services.enter_async_context(run_services(burials))
            burials.put(await undeliverable(sender, message_id))
            await asyncio.sleep(0.2)
            assert await statuses(sender) == {message_id: "sending"}
        await burials.drain(30)
    assert await statuses(sender) == {message_id: "dead"}
