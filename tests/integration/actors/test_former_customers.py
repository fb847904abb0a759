"""Messages of a deleted customer that are still on their way never go to the next customer of its id."""

from uuid import UUID

import msgspec

from sendoff_actors.handoffs import FailedAttempt, Queue
from sendoff_domain.outcome import ErrorClass
from support.messages import accept
from support.receiver import Receiver
from support.worker import Worker


async def replace(worker: Worker, customer_id: str, url: str) -> None:
    """Delete the customer, and give its id to another one with this webhook."""
    await worker.db.execute("DELETE FROM customers WHERE id = %s", (customer_id,))
    await worker.add_customer(customer_id, webhook_url=url)


async def send_due(worker: Worker) -> None:
    """Claim what is due, send it, and write what came of it."""
    await worker.accept()
    await worker.requests_over()
    await worker.record()


async def failures(worker: Worker) -> list[FailedAttempt]:
    """What was handed to the Retrier."""
    return [msgspec.convert(one, FailedAttempt) for (many,) in await worker.handed_on(Queue.RETRIER) for one in many]


async def places(worker: Worker, message_id: UUID) -> list[tuple[str, int]]:
    """Where a message is, and the incarnation of its customer."""
    found = await worker.rows("SELECT status, incarnation FROM message_status WHERE id = %s", message_id)
    return [(status, incarnation) for status, incarnation in found]


async def test_a_message_of_a_deleted_customer_is_not_sent_to_the_next_one(sender: Worker, receiver: Receiver) -> None:
    await sender.add_customer("acme", webhook_url=receiver.url)
    (known,) = await accept(sender.db, customer="acme")
    await send_due(sender)  # so that the process knows the first one
    (late,) = await accept(sender.db, customer="acme")
    first = await sender.incarnation("acme")
    await replace(sender, "acme", receiver.url)
    (own,) = await accept(sender.db, customer="acme")
    sender.parts.sender.watch.changed("acme")
    await send_due(sender)

    assert receiver.ids() == {f"msg_{known.hex}": 1, f"msg_{own.hex}": 1}
    assert [(one.id, one.error_class) for one in await failures(sender)] == [(late.hex, ErrorClass.CUSTOMER_GONE)]
    assert await places(sender, own) == [("sent", await sender.incarnation("acme"))]
    assert await places(sender, late) == [("sending", first)]


async def test_a_message_of_a_deleted_customer_becomes_a_dead_letter_of_that_customer(
    sender: Worker, receiver: Receiver
) -> None:
    await sender.add_customer("acme", webhook_url=receiver.url)
    first = await sender.incarnation("acme")
    (message_id,) = await accept(sender.db, customer="acme", retry='{"attempts": 2}')
    await replace(sender, "acme", receiver.url)
    await send_due(sender)
    assert await sender.parts.retrying.handle(await failures(sender)) == []
    assert await places(sender, message_id) == [("retrying", first)]

    await sender.db.execute("UPDATE retries SET next_attempt_at = now()")
    await send_due(sender)
    await sender.parts.burying.bury(await sender.parts.retrying.handle(await failures(sender)))
    assert await places(sender, message_id) == [("dead", first)]
    assert receiver.ids() == {}
