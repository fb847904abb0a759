"""Start and stop by every road: HTTP-like, NATS, Redis, by hand, twice, garbled, late."""

import asyncio
import contextlib
import json
import random
from datetime import UTC, datetime, timedelta

import nats.errors
import pytest

from sendoff_control.member import Member
from sendoff_domain.control import Action, Command, CommandStatus, Desired
from sendoff_domain.errors import UnavailableError
from support.fleet import Fleet
from support.waiting import PATIENCE, eventually


async def test_a_stop_by_a_member_reaches_every_member(fleet: Fleet) -> None:
    members = await fleet.join("a", "b", "c")
    decision = await members[0].command(Command(Action.STOP, reason="lunch"), "http")
    assert (decision.status, decision.revision, decision.desired) == (CommandStatus.ACCEPTED, 2, Desired.STOPPED)
    assert not members[0].is_running()
    await fleet.all_are(Desired.STOPPED, members)
    assert [[change.revision for change in seen] for seen in fleet.changes.values()] == [[1, 2]] * 3


async def test_an_empty_message_on_nats_stops_and_starts_the_fleet_once(fleet: Fleet) -> None:
    members = await fleet.join("a", "b", "c")
    await fleet.nats.publish(f"{fleet.prefix}.control.stop", b"")
    await fleet.all_are(Desired.STOPPED, members)
    await fleet.nats.publish(f"{fleet.prefix}.control.start", b"")
    await fleet.all_are(Desired.RUNNING, members)
    assert await fleet.commands() == [("stop", "accepted", "nats"), ("start", "accepted", "nats")]


async def test_a_plain_word_on_redis_heard_by_four_members_counts_once(fleet: Fleet) -> None:
    members = await fleet.join("a", "b", "c", "d")
    await fleet.redis.publish(f"{fleet.prefix}:control", "stop")
    await fleet.all_are(Desired.STOPPED, members)
    await fleet.redis.publish(f"{fleet.prefix}:control", "start")
    await fleet.all_are(Desired.RUNNING, members)
    decision = await members[1].command(Command(Action.STOP), "cli")
    assert decision.revision == 4
    assert await fleet.commands() == [
        ("stop", "accepted", "redis"),
        ("start", "accepted", "redis"),
        ("stop", "accepted", "cli"),
    ]


async def test_the_same_command_on_both_buses_counts_once(fleet: Fleet) -> None:
    members = await fleet.join("a", "b", "c", "d")
    command = {"commandId": "both", "requestedBy": "tester"}
    await fleet.redis.publish(f"{fleet.prefix}:control", json.dumps(command | {"action": "stop"}))
    await fleet.nats.publish(f"{fleet.prefix}.control.stop", json.dumps(command).encode())
    await fleet.all_are(Desired.STOPPED, members)
    again = await members[2].command(Command(Action.STOP, "both"), "http")
    assert (again.status, again.revision) == (CommandStatus.DUPLICATE, 2)
    assert await fleet.revision() == 2
    assert len(await fleet.commands()) == 1


async def test_a_command_with_an_id_on_redis_needs_no_lease_holder(fleet: Fleet) -> None:
    await fleet.redis.set(f"{fleet.prefix}:control:authority", "somebody else", ex=60)
    members = await fleet.join("a", "b")
    await fleet.redis.publish(f"{fleet.prefix}:control", '{"action": "stop", "commandId": "x"}')
    await fleet.all_are(Desired.STOPPED, members)
    assert await fleet.revision() == 2


async def test_a_reply_on_a_subject_of_the_fleet_is_never_sent(fleet: Fleet) -> None:
    members = await fleet.join("a", "b")
    heard = await fleet.nats.subscribe(f"{fleet.prefix}.control.stop")
    own_prefix = await fleet.nats.subscribe("_INBOX_acme.1")
    await fleet.nats.publish(f"{fleet.prefix}.control.status", b"", reply=f"{fleet.prefix}.control.stop")
    await fleet.nats.publish(f"{fleet.prefix}.control.start", b"", reply=f"{fleet.prefix}.control.stop")
    await fleet.nats.publish(f"{fleet.prefix}.control.start", b"", reply="_INBOX_acme.1")
    await own_prefix.next_msg(timeout=PATIENCE)
    await fleet.all_are(Desired.RUNNING, members)
    assert heard.pending_msgs == 0
    assert "stop" not in [action for action, _, _ in await fleet.commands()]


async def test_a_request_on_nats_is_answered_with_the_decision(fleet: Fleet) -> None:
    await fleet.join("a", "b")

    async def ask(payload: bytes) -> dict[str, object]:
        answer = await fleet.nats.request(f"{fleet.prefix}.control.stop", payload, timeout=PATIENCE)
        return dict(json.loads(answer.data))

    first = await ask(b'{"commandId": "one"}')
    assert (first["status"], first["revision"], first["desired"]) == ("accepted", 2, "stopped")
    repeated = await ask(b'{"commandId": "one"}')
    assert (repeated["status"], repeated["revision"], repeated["desired"]) == ("duplicate", 2, "stopped")
    unchanged = await ask(b"")
    assert (unchanged["status"], unchanged["revision"], unchanged["desired"]) == ("no_change", 2, "stopped")
    rejected = await ask(b'{"ttl": "soon"}')
    assert rejected["status"] == "rejected"
    assert "expected a duration" in str(rejected["error"])


async def test_an_old_command_is_expired_by_the_clock_of_the_database(fleet: Fleet) -> None:
    (member,) = await fleet.join("a")
    old = Command(Action.STOP, ttl=timedelta(seconds=5), issued_at=datetime.now(UTC) - timedelta(seconds=60))
    decision = await member.command(old, "http")
    assert (decision.status, decision.revision, decision.desired) == (CommandStatus.EXPIRED, 1, Desired.RUNNING)
    payload = json.dumps({"issuedAt": (datetime.now(UTC) - timedelta(seconds=60)).isoformat()})
    answer = await fleet.nats.request(f"{fleet.prefix}.control.stop", payload.encode(), timeout=PATIENCE)
    assert json.loads(answer.data)["status"] == "expired"
    assert member.is_running()


async def test_garbage_on_the_buses_changes_nothing_and_hurts_nobody(fleet: Fleet) -> None:
    members = await fleet.join("a", "b")
    garbage = [b"\xff\xfe", b"[]", b'{"action": "explode"}', b'"stop"', b"{" * 4000, b"x" * 9000, b'{"scope": 7}']
    for payload in garbage:
        for channel in (":control", ":control:state", ":control:ack", ":control:heartbeat"):
            await fleet.redis.publish(fleet.prefix + channel, payload)
        for subject in (".control.stop", ".control.state", ".control.ack.x", ".control.heartbeat.x"):
            await fleet.nats.publish(fleet.prefix + subject, payload)
    answer = await fleet.nats.request(f"{fleet.prefix}.control.stop", b"", timeout=PATIENCE)
    assert json.loads(answer.data)["status"] == "accepted"
    await fleet.all_are(Desired.STOPPED, members)
    assert await fleet.revision() == 2
    assert all(set(member.bus_health.values()) == {"up"} for member in members)


async def test_a_customer_is_stopped_alone(fleet: Fleet) -> None:
    members = await fleet.join("a", "b")
    decision = await members[0].command(Command(Action.STOP, scope="default"), "http")
    assert (decision.scope, decision.revision) == ("default", 1)
    assert await members[0].wait_for_acks(decision, timedelta(seconds=5))
    assert [member.is_running("default") for member in members] == [False, False]
    assert [member.is_running("other") for member in members] == [True, True]
    assert [state.scope for state in (await members[1].fleet()).scopes] == ["default"]
    await members[1].command(Command(Action.STOP), "http")
    await members[1].command(Command(Action.START, scope="default"), "http")
    await eventually(
        lambda: not members[0].is_running("default"), "everything stopped is stronger than a customer running"
    )
    await members[1].command(Command(Action.START), "http")
    await eventually(lambda: members[0].is_running("default"), "the customer runs again")


async def at_last(member: Member, asked: Command) -> None:
    """Ask again as long as there is no answer: by its id the command counts once."""
    while True:
        with contextlib.suppress(UnavailableError):
            await member.command(asked, "http")
            return


async def test_a_storm_of_opposite_commands_ends_alike_everywhere(fleet: Fleet) -> None:
    members = await fleet.join("a", "b", "c")
    numbers = random.Random(7)
    documents: dict[str, str] = {}

    async def command(number: int) -> None:
        action = numbers.choice(["start", "stop"])
        road = numbers.choice(["nats", "redis", "both", "member"])
        document = documents[f"c{number}"] = json.dumps({"commandId": f"c{number}", "action": action})
        if road in ("nats", "both"):
            await fleet.nats.publish(f"{fleet.prefix}.control.{action}", document.encode())
        if road in ("redis", "both"):
            await fleet.redis.publish(f"{fleet.prefix}:control", document)
        if road == "member":
            await at_last(numbers.choice(members), Command(Action(action), f"c{number}"))

    await asyncio.gather(*(command(number) for number in range(60)))

    async def recorded() -> bool:
        """If some are missing, send all again: one on a bus is lost while PostgreSQL does not answer in time."""
        found = len(await fleet.commands())
        for document in documents.values() if found < 60 else ():
            await fleet.redis.publish(f"{fleet.prefix}:control", document)
        return found == 60

    await eventually(recorded, "every command is recorded once", every=1.0)
    revision = await fleet.revision()
    await eventually(
        lambda: {state and state.revision for state in map(Member.state, members)} == {revision},
        "same revision everywhere",
    )
    assert len({member.state() for member in members}) == 1
    accepted = [status for _, status, _ in await fleet.commands()].count("accepted")
    assert revision == 1 + accepted
    for seen in fleet.changes.values():
        assert sorted(state.revision for state in seen) == [state.revision for state in seen]


async def test_announcements_that_arrive_in_any_order_are_applied_by_revision(fleet: Fleet) -> None:
    (member,) = await fleet.join("a")
    decisions = [await member.command(Command(action), "http") for action in (Action.STOP, Action.START, Action.STOP)]
    for decision in reversed(decisions * 2):
        announcement = {
            "sender": "x",
            "scope": "global",
            "epoch": 1,
            "revision": decision.revision,
            "desired": decision.desired,
        }
        await fleet.nats.publish(f"{fleet.prefix}.control.state", json.dumps(announcement).encode())
        await fleet.redis.publish(f"{fleet.prefix}:control:state", json.dumps(announcement))
    answer = await fleet.nats.request(f"{fleet.prefix}.control.start", b"", timeout=PATIENCE)
    assert json.loads(answer.data)["revision"] == 5
    assert [state.revision for state in fleet.changes["a"]] == [1, 2, 3, 4, 5]


async def test_every_instance_answers_a_status_request(fleet: Fleet) -> None:
    await fleet.join("a", "b", "c")
    inbox = fleet.nats.new_inbox()
    answers = await fleet.nats.subscribe(inbox)
    await fleet.nats.publish(f"{fleet.prefix}.control.status", b"", reply=inbox)
    heard = [json.loads((await answers.next_msg(timeout=PATIENCE)).data) for _ in range(3)]
    assert sorted(answer["instance"] for answer in heard) == ["a", "b", "c"]
    assert {answer["actual"] for answer in heard} == {"running"}
    with pytest.raises(nats.errors.TimeoutError):
        await answers.next_msg(timeout=0.1)
