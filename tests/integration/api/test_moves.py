"""Reschedule, cancel and resend: what each state allows, and that a message is in one place afterwards."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.api import Api
from support.places import bury, claim, deliver, fail, retry_later, uuid_of

PLACES = ("due", "retries", "deliveries", "dead_letters", "cancellations")


async def places_of(api: Api, message: dict[str, Any]) -> list[str]:
    """The tables that hold the message, its body aside."""
    found = [
        (place, await api.scalar(f"SELECT count(*) FROM {place} WHERE message_id = %s", uuid_of(message)))
        for place in PLACES
    ]
    assert all(count <= 1 for _, count in found)
    return [place for place, count in found if count]


async def show(api: Api, message: dict[str, Any]) -> dict[str, Any]:
    """The message as the API shows it now."""
    shown: dict[str, Any] = (await api.get(f"/v1/messages/{message['id']}")).json
    return shown


async def test_each_place_has_its_status(api: Api) -> None:
    scheduled, sending, again, waiting, sent, dead = [await api.create(delay="1h") for _ in range(6)]
    await claim(api.db, sending)
    await fail(api.db, again)
    await retry_later(api.db, waiting)
    await deliver(api.db, sent)
    await bury(api.db, dead)
    shown = [await show(api, message) for message in (scheduled, sending, again, waiting, sent, dead)]
    assert [one["status"] for one in shown] == ["scheduled", "sending", "retrying", "retrying", "sent", "dead"]
    assert [one["attempts"] for one in shown] == [0, 0, 1, 1, 1, 1]
    assert shown[4]["sentAt"] is not None
    assert shown[4]["externalMessageId"] == "ext-1"
    for one in (shown[2], shown[3], shown[5]):
        assert (one["lastError"]["class"], one["lastError"]["status"]) == ("status", 503)
        assert one["lastError"]["detail"] == "the webhook said 503"


async def test_a_cancelled_message_is_nowhere_else(api: Api) -> None:
    scheduled, waiting = await api.create(), await api.create()
    await retry_later(api.db, waiting)
    for message in (scheduled, waiting):
        assert (await api.call("DELETE", f"/v1/messages/{message['id']}")).status == 204
        assert await places_of(api, message) == ["cancellations"]
        assert (await show(api, message))["status"] == "cancelled"


async def test_what_is_on_the_wire_or_at_its_end_cannot_be_cancelled_or_moved(api: Api) -> None:
    sending, sent, dead, cancelled = [await api.create() for _ in range(4)]
    await claim(api.db, sending)
    await deliver(api.db, sent)
    await bury(api.db, dead)
    await api.call("DELETE", f"/v1/messages/{cancelled['id']}")
    for message, status in ((sending, "sending"), (sent, "sent"), (dead, "dead"), (cancelled, "cancelled")):
        before = await places_of(api, message)
        for method, body in (("DELETE", None), ("PATCH", {"delay": "5s"})):
            reply = await api.call(method, f"/v1/messages/{message['id']}", json=body)
            assert (reply.status, reply.json["code"]) == (409, "wrong_state")
            assert reply.json["messageStatus"] == status
        assert await places_of(api, message) == before


async def test_a_message_can_be_moved_in_time(api: Api) -> None:
    message = await api.create(delay="1h")
    reply = await api.call("PATCH", f"/v1/messages/{message['id']}", json={"deliverAt": "2042-01-01T00:00:00+01:00"})
    assert reply.status == 200
    assert reply.json == message | {"deliverAt": "2041-12-31T23:00:00.000000Z"}
    wanted = datetime(2041, 12, 31, 23, tzinfo=UTC)
    row = await (await api.db.execute(b"SELECT due_at, visible_at, token FROM due")).fetchone()
    assert row == (wanted, wanted, 1)


async def test_a_move_into_the_past_means_now(api: Api) -> None:
    message = await api.create(delay="1h")
    await api.call("PATCH", f"/v1/messages/{message['id']}", json={"deliverAt": "2020-01-01T00:00:00Z"})
    late = await api.scalar("SELECT clock_timestamp() - visible_at FROM due")
    assert timedelta(0) <= late < timedelta(minutes=1)


async def test_a_waiting_retry_can_be_moved(api: Api) -> None:
    message = await api.create()
    await retry_later(api.db, message)
    reply = await api.call("PATCH", f"/v1/messages/{message['id']}", json={"delay": "2h"})
    assert reply.json["status"] == "retrying"
    ahead = await api.scalar("SELECT next_attempt_at - clock_timestamp() FROM retries")
    assert timedelta(minutes=119) < ahead <= timedelta(hours=2)


async def test_a_move_beyond_the_expiry_is_refused(api: Api) -> None:
    message = await api.create(deliverAt="2042-01-01T00:00:00Z", expiresAt="2042-01-02T00:00:00Z")
    reply = await api.call("PATCH", f"/v1/messages/{message['id']}", json={"deliverAt": "2042-01-02T00:00:00Z"})
    assert (reply.status, reply.pointers) == (422, ["/deliverAt"])
    assert (await show(api, message)) == message


@pytest.mark.parametrize("body", [{}, {"delay": "5s", "deliverAt": "2042-01-01T00:00:00Z"}, {"to": "x"}])
async def test_a_move_needs_one_time(api: Api, body: dict[str, Any]) -> None:
    message = await api.create(delay="1h")
    assert (await api.call("PATCH", f"/v1/messages/{message['id']}", json=body)).status == 422
    assert (await show(api, message)) == message


async def test_what_is_at_its_end_can_be_sent_again_under_its_id(api: Api) -> None:
    sent, dead, cancelled = [await api.create(delay="1h") for _ in range(3)]
    await deliver(api.db, sent)
    await bury(api.db, dead)
    await api.call("DELETE", f"/v1/messages/{cancelled['id']}")
    for message in (sent, dead, cancelled):
        token = await highest_token(api, message)
        reply = await api.post(f"/v1/messages/{message['id']}/resend")
        assert reply.status == 202
        assert (reply.json["id"], reply.json["status"], reply.json["attempts"]) == (message["id"], "scheduled", 0)
        assert reply.json["lastError"] is None
        assert await places_of(api, message) == ["due"]
        row = await api.db.execute(
            b"SELECT attempts, generation, token > %s, visible_at <= now(), holder FROM due WHERE message_id = %s",
            (token, uuid_of(message)),
        )
        assert await row.fetchone() == (0, 1, True, True, None)


async def highest_token(api: Api, message: dict[str, Any]) -> int:
    parts = " UNION ALL ".join(f"SELECT token FROM {place} WHERE message_id = %(id)s" for place in PLACES)
    row = await (
        await api.db.execute(f"SELECT max(token) FROM ({parts})".encode(), {"id": uuid_of(message)})
    ).fetchone()
    assert row is not None
    return int(row[0])


async def test_what_is_on_its_way_is_not_sent_again(api: Api) -> None:
    scheduled, sending, waiting = [await api.create() for _ in range(3)]
    await claim(api.db, sending)
    await retry_later(api.db, waiting)
    for message, status in ((scheduled, "scheduled"), (sending, "sending"), (waiting, "retrying")):
        reply = await api.post(f"/v1/messages/{message['id']}/resend")
        assert (reply.status, reply.json["messageStatus"]) == (409, status)
        assert len(await places_of(api, message)) == 1


async def test_every_attempt_of_every_generation_is_listed(api: Api) -> None:
    message = await api.create()
    await fail(api.db, message)
    await deliver(api.db, message)
    await api.post(f"/v1/messages/{message['id']}/resend")
    await fail(api.db, message)
    data = (await api.get(f"/v1/messages/{message['id']}/attempts")).json["data"]
    seen = [(one["generation"], one["attempt"], one["outcome"], one["statusCode"]) for one in data]
    assert seen == [(1, 1, "failed", 503), (0, 2, "succeeded", 200), (0, 1, "failed", 503)]
    assert data[0]["answer"] == "no \ufffd"
    assert data[0]["durationMs"] == 2.5
    await deliver(api.db, message)
    data = (await api.get(f"/v1/messages/{message['id']}/attempts")).json["data"]
    assert (data[0]["generation"], data[0]["attempt"], data[0]["outcome"]) == (1, 2, "succeeded")


async def test_an_expiry_that_has_passed_does_not_hold_back_a_resend(api: Api) -> None:
    message = await api.create(delay="1h", expiresAt="2042-01-01T00:00:00Z")
    await api.db.execute(b"UPDATE messages SET expires_at = now() - interval '1 s'")
    await bury(api.db, message, "expired")
    assert (await show(api, message))["lastError"] is not None
    reply = await api.post(f"/v1/messages/{message['id']}/resend")
    assert (reply.status, reply.json["expiresAt"]) == (202, None)


async def test_a_delivery_is_remembered_although_its_partition_of_attempts_is_gone(api: Api) -> None:
    message = await api.create()
    await deliver(api.db, message)
    names = await api.db.execute(
        b"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'attempts'::regclass"
    )
    for (name,) in await names.fetchall():
        await api.db.execute(f"DROP TABLE {name}".encode())
    assert (await api.post(f"/v1/messages/{message['id']}/resend")).status == 202
    data = (await api.get(f"/v1/messages/{message['id']}/attempts")).json["data"]
    assert [one["outcome"] for one in data] == ["succeeded"]
