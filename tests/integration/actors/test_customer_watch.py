"""What a process knows of the customers whose messages it holds stays fresh, and what has changed has consequences."""

import pytest

from sendoff_actors.sender.customer_watch import CustomerWatch
from support.messages import accept
from support.proxy import open_proxy
from support.receiver import Receiver
from support.servers import RedisUrls
from support.waiting import eventually
from support.worker import Worker, open_worker


async def holding(worker: Worker, *customers: str) -> "Process":
    """A process that holds messages of these customers."""
    return Process(worker, {await worker.incarnation(customer) for customer in customers})


class Process:
    """A process with messages of some customers in its hands."""

    def __init__(self, worker: Worker, in_hand: set[int]) -> None:
        self.in_hand = in_hand
        self.released: list[str] = []
        self.watch = CustomerWatch(worker.customers, lambda: self.in_hand, self.released.append)


async def open_breaker(worker: Worker, customer_id: str) -> None:
    await worker.db.execute(
        "INSERT INTO breakers (customer_id, opened_at, probe_at) VALUES (%s, now(), now())", (customer_id,)
    )


def timeout_of(worker: Worker, customer_id: str = "default") -> float:
    customer = worker.customers.named(customer_id)
    assert customer is not None
    return customer.timeout.total_seconds()


async def test_customers_in_hand_are_read_before_they_are_needed(worker: Worker) -> None:
    process = await holding(worker, "default")
    await worker.add_customer("other")
    await process.watch.run_once()
    assert worker.customers.named("default") is not None
    assert worker.customers.named("other") is None, "nothing of it is in hand"


async def test_a_change_that_was_announced_is_read_in_the_next_turn(worker: Worker) -> None:
    process = await holding(worker, "default")
    await process.watch.run_once()
    await worker.db.execute("UPDATE customers SET timeout_ms = 1234")
    process.watch.changed("default")
    await process.watch.run_once()
    assert timeout_of(worker) == 1.234


async def test_messages_of_a_customer_whose_breaker_is_open_are_given_back(worker: Worker) -> None:
    await worker.add_customer("failing")
    process = await holding(worker, "default", "failing")
    await process.watch.run_once()
    assert process.released == []

    await open_breaker(worker, "failing")
    process.watch.changed("failing")
    await process.watch.run_once()
    assert process.released == ["failing"]


async def test_an_open_breaker_gives_back_what_waits_for_a_slot_although_none_is_free(
    sender: Worker, receiver: Receiver
) -> None:
    """All slots may be taken by the very webhook that hangs."""
    receiver.hang(lambda _: True)
    await accept(sender.db, 5)
    await sender.accept()
    await eventually(lambda: len(receiver.received) == 2, "both slots are taken")

    await open_breaker(sender, "default")
    sender.parts.sender.watch.changed("default")
    await sender.parts.sender.watch.run_once()
    await sender.record()
    states = await sender.rows("SELECT status, count(*)::int FROM message_status GROUP BY status ORDER BY status")
    assert states == [("scheduled", 3), ("sending", 2)]
    assert len(sender.parts.sender.holdings) == 2
    receiver.let_go()


async def test_a_customer_of_whom_nothing_is_in_hand_is_left_alone(worker: Worker) -> None:
    await open_breaker(worker, "default")
    process = await holding(worker)
    process.watch.changed("default")
    await process.watch.run_once()
    assert process.released == []


async def test_a_deleted_customer_is_forgotten(worker: Worker) -> None:
    await worker.add_customer("deleted")
    process = await holding(worker, "deleted")
    await process.watch.run_once()
    assert worker.customers.named("deleted") is not None

    await worker.db.execute("DELETE FROM customers WHERE id = 'deleted'")
    process.watch.changed("deleted")
    await process.watch.run_once()
    assert worker.customers.named("deleted") is None


@pytest.mark.timeout(60)
async def test_without_the_database_everything_stays_as_it_is_known(
    sendoff_database: str, redis_urls: RedisUrls
) -> None:
    async with (
        open_proxy(sendoff_database) as proxy,
        open_worker(proxy.url, redis_urls, beside=sendoff_database) as worker,
    ):
        process = await holding(worker, "default")
        await process.watch.run_once()
        known = timeout_of(worker)
        await proxy.cut()
        process.watch.changed("default")
        with worker.impatient():
            await process.watch.run_once()
        assert timeout_of(worker) == known
