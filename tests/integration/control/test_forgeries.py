"""What anybody can do who may write on a bus: ask the fleet to look, and stop it; not start it, nor speak for it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import psycopg

from sendoff_control.peers import Peers
from sendoff_control.protocol import MAX_MESSAGE_BYTES
from sendoff_domain.control import Action, Command, Desired
from support.fleet import Fleet
from support.waiting import eventually

FAR = 2**63 - 1


def announcement(revision: int, desired: str = "running", scope: str = "global", epoch: int = 1) -> bytes:
    state = {"sender": "x", "scope": scope, "epoch": epoch, "revision": revision, "desired": desired}
    return json.dumps(state).encode()


async def announce(fleet: Fleet, payload: bytes) -> None:
    await fleet.nats.publish(f"{fleet.prefix}.control.state", payload)
    await fleet.redis.publish(f"{fleet.prefix}:control:state", payload)


@asynccontextmanager
async def flood(fleet: Fleet, payload: Callable[[int], bytes]) -> AsyncIterator[None]:
    """Forged states on both buses, a few hundred a second, until the block ends."""
    ended = asyncio.Event()

    async def send() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            await announce(fleet, payload(number))
            await asyncio.sleep(0.002)

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        ended.set()
        await task


async def test_a_flood_of_forged_starts_does_not_beat_a_stop(fleet: Fleet) -> None:
    members = await fleet.join("a", "b")
    async with flood(fleet, lambda number: announcement(1 + number)):
        decision = await members[0].command(Command(Action.STOP), "http")
        await fleet.all_are(Desired.STOPPED, members)
        assert await members[0].wait_for_acks(decision, timedelta(seconds=10))
    assert [[state.desired for state in seen] for seen in fleet.changes.values()] == [["running", "stopped"]] * 2


async def test_a_forged_start_starts_nothing(fleet: Fleet) -> None:
    members = await fleet.join("a", "b")
    stop = await members[0].command(Command(Action.STOP), "http")
    assert await members[0].wait_for_acks(stop, timedelta(seconds=10))
    for revision in (3, 4, 500, FAR):
        await announce(fleet, announcement(revision))
        await announce(fleet, announcement(revision, epoch=2))
    await members[1].command(Command(Action.START), "http")
    await fleet.all_are(Desired.RUNNING, members)
    assert [[state.revision for state in seen] for seen in fleet.changes.values()] == [[1, 2, 3]] * 2


async def test_a_forged_stop_lasts_until_the_next_poll_at_most(fleet: Fleet) -> None:
    (member,) = await fleet.join("a")
    await fleet.nats.publish(f"{fleet.prefix}.control.state", announcement(5, "stopped"))
    await eventually(lambda: len(fleet.changes["a"]) >= 3, "the forgery came and went")
    assert [state.revision for state in fleet.changes["a"]] == [1, 5, 1]
    assert member.is_running()


async def test_a_revision_far_ahead_is_no_state(fleet: Fleet) -> None:
    (member,) = await fleet.join("a")
    for revision, epoch in ((FAR, 1), (1, 2), (FAR, 2**31 - 1)):
        await announce(fleet, announcement(revision, "stopped", epoch=epoch))
        await announce(fleet, announcement(revision, "stopped", "default", epoch=epoch))
    await member.command(Command(Action.STOP, scope="default"), "http")
    assert [(state.scope, state.revision) for state in fleet.changes["a"]] == [("global", 1), ("default", 1)]


async def test_stops_of_customers_that_are_made_up_take_bounded_memory(fleet: Fleet) -> None:
    (member,) = await fleet.join("a")
    for number in range(3000):
        await fleet.nats.publish(f"{fleet.prefix}.control.state", announcement(1, "stopped", f"made-up-{number}"))
        assert len(member.states.all()) <= 1001
    await fleet.nats.flush()
    await eventually(lambda: len(fleet.changes["a"]) > 1 and len(member.states.all()) == 1, "the next poll ends them")
    assert member.is_running()


async def test_what_others_say_for_a_process_does_not_count_as_its_word(fleet: Fleet) -> None:
    (member,) = await fleet.join("a")
    async with await psycopg.AsyncConnection.connect(fleet.settings.postgres.url or "", autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO processes (instance, process, role, host, pid, version, started_at, heartbeat_at, epoch,"
            " revision, actual, in_flight, buses)"
            " VALUES ('mute', 0, 'worker', 'h', 1, '1', now(), clock_timestamp() + interval '1 h', 1, 1, 'running',"
            " 0, '{}')"
        )
    decision = await member.command(Command(Action.STOP), "http")
    said = {"sender": "mute-worker-0", "epoch": 1, "revision": 2, "actual": "stopped", "inFlight": 0}
    ack = json.dumps(said | {"scope": "global"}).encode()
    beat = await fleet.heartbeat("a")
    heartbeat = json.dumps(beat | said | {"instance": "mute"}).encode()
    for topic, payload in (("ack", ack), ("heartbeat", heartbeat)):
        await fleet.nats.publish(f"{fleet.prefix}.control.{topic}.mute-worker-0", payload)
        await fleet.redis.publish(f"{fleet.prefix}:control:{topic}", payload)
    assert not await member.wait_for_acks(decision, timedelta(seconds=1))
    status = await member.fleet()
    assert (status.converged, status.unconfirmed) == (False, ("mute-worker-0",))
    assert {each.instance: each.actual for each in status.instances} == {"a": "stopped", "mute": "running"}


async def test_made_up_processes_are_not_listed_and_take_bounded_memory(fleet: Fleet) -> None:
    members = await fleet.join("a", "b")
    beat = await fleet.heartbeat("b")
    subject = f"{fleet.prefix}.control.heartbeat.x"
    for number in range(1000):
        names = {"sender": f"x{number}-worker-0", "instance": f"x{number}"}
        await fleet.nats.publish(subject, json.dumps(beat | names).encode())
    await fleet.nats.publish(subject, json.dumps(beat | {"host": "h" * MAX_MESSAGE_BYTES}).encode())
    await fleet.nats.flush()
    await eventually(lambda: _kept(members[0].peers) > 100, "the flood was heard")
    await eventually(lambda: [beat.sender for beat in members[0].peers.living()], "the other one is known")
    assert _kept(members[0].peers) <= 102
    assert {beat.sender for beat in members[0].peers.living()} <= {"a-worker-0", "b-worker-0"}
    assert {len(beat.host) for beat in members[0].peers.living()} == {len("localhost")}


async def test_a_flood_of_news_costs_ten_polls_a_second(fleet: Fleet) -> None:
    (member,) = await fleet.join("a")
    polls, poll = [], member.poller.poll

    async def counted(*args: object) -> object:
        polls.append(time.monotonic())
        return await poll(*args)  # type: ignore[arg-type]  # as they came

    member.poller.poll = counted  # type: ignore[method-assign, assignment]  # counts what goes through
    async with flood(fleet, lambda number: announcement(1 + number)):
        await eventually(lambda: len(polls) >= 25, "polls go on", timeout=60)
    assert all(later - earlier > 0.9 for earlier, later in zip(polls, polls[10:], strict=False))


def _kept(peers: Peers) -> int:
    return len(peers._heartbeats)  # its memory is what the test is about
