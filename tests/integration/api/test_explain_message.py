"""GET /v1/messages/{id}/explain: each cause as the database has it."""

from typing import Any

from support.api import Api
from support.customers import create
from support.places import bury, claim, deliver, fail, retry_later


async def explained(api: Api, message: dict[str, Any]) -> dict[str, Any]:
    reply = await api.get(f"/v1/messages/{message['id']}/explain")
    assert reply.status == 200, reply.body
    explanation: dict[str, Any] = reply.json
    return explanation


async def causes(api: Api, message: dict[str, Any]) -> list[str]:
    return [reason["cause"] for reason in (await explained(api, message))["reasons"]]


async def test_what_waits_for_its_time_says_until_when(api: Api) -> None:
    message = await api.create(delay="1h")
    explanation = await explained(api, message)
    assert (explanation["status"], explanation["customer"]) == ("scheduled", "default")
    assert "scheduled" in await causes(api, message)
    assert explanation["reasons"][-1]["until"] == message["deliverAt"]


async def test_what_failed_says_when_it_is_tried_again(api: Api) -> None:
    message = await api.create()
    await retry_later(api.db, message)
    reason = (await explained(api, message))["reasons"][-1]
    assert (reason["cause"], "1 attempt failed" in reason["detail"]) == ("retry", True)


async def test_what_is_claimed_says_by_whom(api: Api) -> None:
    message = await api.create()
    await claim(api.db, message)
    explanation = await explained(api, message)
    assert explanation["status"] == "sending"
    assert "claimed by the instance worker" in explanation["summary"]
    assert explanation["reasons"][0]["until"] is not None


async def test_a_stop_a_pause_a_breaker_and_limits_are_all_named(api: Api) -> None:
    await create(api, id="acme", limits={"rate": 1, "per": "1h", "concurrency": 1})
    first, message = await api.create(customer="acme"), await api.create(customer="acme")
    await claim(api.db, first)
    for statement in (
        "UPDATE due SET limited = true WHERE holder IS NOT NULL",
        "UPDATE control_state SET desired = 'stopped', reason = 'a test' WHERE scope = 'global'",
        "INSERT INTO control_state (scope, desired, reason) VALUES ('acme', 'stopped', 'another test')",
        "INSERT INTO breakers (customer_id, opened_at, probe_at) VALUES ('acme', now(), now() + interval '1 minute')",
        "INSERT INTO rate_slots (customer_id, next_slot_at) VALUES ('acme', now() + interval '1 hour')",
        "INSERT INTO saturated_customers (customer_id, process, until) VALUES ('acme', 'one-0', now() + interval '9s')",
    ):
        await api.db.execute(statement.encode())

    explanation = await explained(api, message)

    named = [reason["cause"] for reason in explanation["reasons"]]
    assert named == ["fleet_stopped", "paused", "no_worker", "breaker", "rate", "concurrency", "saturated"]
    assert explanation["nextTryAt"] is None
    assert "a test" in explanation["summary"]


async def test_without_limits_the_rows_of_the_past_hold_nothing_back(api: Api) -> None:
    await create(api, id="acme", breaker={"enabled": False})
    message = await api.create(customer="acme")
    await api.db.execute(b"INSERT INTO breakers (customer_id, opened_at, probe_at) VALUES ('acme', now(), now())")
    await api.db.execute(b"INSERT INTO rate_slots (customer_id, next_slot_at) VALUES ('acme', now() + interval '1 h')")
    assert await causes(api, message) == ["no_worker"]


async def test_what_is_over_says_how_it_ended(api: Api) -> None:
    sent, dead, cancelled = [await api.create() for _ in range(3)]
    await deliver(api.db, sent)
    await fail(api.db, dead)
    await bury(api.db, dead)
    await api.call("DELETE", f"/v1/messages/{cancelled['id']}")
    told = [await explained(api, message) for message in (sent, dead, cancelled)]
    assert [one["status"] for one in told] == ["sent", "dead", "cancelled"]
    assert [one["summary"].split(":")[0].split(" at ")[0] for one in told] == [
        "it was delivered",
        "it is a dead letter",
        "it was cancelled",
    ]
    assert all(one["reasons"] == [] and one["nextTryAt"] is None for one in told)


async def test_an_unknown_message_is_not_found(api: Api) -> None:
    reply = await api.get("/v1/messages/msg_0192f0c1d2e37a4b8c5d6e7f80910203/explain")
    assert (reply.status, reply.json["code"]) == (404, "message_not_found")
