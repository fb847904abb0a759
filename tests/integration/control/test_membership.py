"""Joining, restarting, lagging behind, being listed, and leaving nothing behind."""

import json
import time
from datetime import timedelta

import nats.errors
import psycopg

from sendoff_config.settings import Settings
from sendoff_control.fleet import join_fleet
from sendoff_control.peers import LIVING_SECONDS
from sendoff_domain.control import Action, Command, ControlState, Desired
from support.fleet import Fleet
from support.waiting import PATIENCE, eventually


async def test_a_late_member_knows_the_state_from_its_first_moment(fleet: Fleet) -> None:
    members = await fleet.join("a")
    await members[0].command(Command(Action.STOP), "http")
    async with fleet.member("late") as late:
        assert not late.is_running()
        assert [state.revision for state in fleet.changes["late"]] == [2]


async def test_a_stop_survives_the_restart_of_every_process(fleet: Fleet) -> None:
    async with fleet.member("a") as member:
        await member.command(Command(Action.STOP), "http")
    async with fleet.member("a") as member:
        assert not member.is_running()
        await member.command(Command(Action.START), "http")
        assert member.is_running()


async def test_a_stop_by_a_process_that_leaves_at_once_is_not_lost(fleet: Fleet) -> None:
    (witness,) = await fleet.join("witness")
    announcements = await fleet.nats.subscribe(f"{fleet.prefix}.control.state")
    async with fleet.member("brief") as member:
        await fleet.connected(member)
        await member.command(Command(Action.STOP), "cli")

    async def announced() -> bool:
        return bool(json.loads((await announcements.next_msg(timeout=PATIENCE)).data)["revision"] == 2)

    await eventually(announced, "the stop was announced before the member left")
    await fleet.all_are(Desired.STOPPED, [witness])


async def test_a_restored_database_is_believed_even_though_its_revision_is_lower(fleet: Fleet) -> None:
    members = await fleet.join("a", "b")
    for action in (Action.STOP, Action.START, Action.STOP):
        await members[0].command(Command(action), "http")
    await fleet.all_are(Desired.STOPPED, members)
    async with await psycopg.AsyncConnection.connect(fleet.settings.postgres.url or "", autocommit=True) as connection:
        await connection.execute("UPDATE control_state SET revision = 1, desired = 'running'")
    await fleet.all_are(Desired.RUNNING, members)
    decision = await members[1].command(Command(Action.STOP), "http")
    assert decision.revision == 2
    assert await members[1].wait_for_acks(decision, timedelta(seconds=10))
    await fleet.all_are(Desired.STOPPED, members)


async def test_a_member_that_missed_an_announcement_is_told_as_soon_as_its_heartbeat_shows_it(fleet: Fleet) -> None:
    """The laggard is played by hand, so that no poll can help it."""
    members = await fleet.join("a", "b", "c")
    decision = await members[0].command(Command(Action.STOP), "http")
    assert await members[0].wait_for_acks(decision, timedelta(seconds=5))
    announcements = await fleet.nats.subscribe(f"{fleet.prefix}.control.state")
    beat = await fleet.heartbeat("a")
    laggard = beat | {"sender": "laggard", "instance": "laggard", "revision": 1, "actual": "running"}

    async def answer() -> dict[str, object] | None:
        await fleet.nats.publish(f"{fleet.prefix}.control.heartbeat.laggard", json.dumps(laggard).encode())
        try:
            return dict(json.loads((await announcements.next_msg(timeout=0.5)).data))
        except nats.errors.TimeoutError:
            return None  # whoever was told half a second ago is not told again

    announcement = await eventually(answer, "somebody announces the state again")
    assert (announcement["scope"], announcement["revision"], announcement["desired"]) == ("global", 2, "stopped")


async def test_the_fleet_groups_processes_by_instance(fleet: Fleet) -> None:
    members = await fleet.join("a", "b")
    status = await members[0].fleet()
    assert (status.desired, status.revision, status.converged, status.unconfirmed) == (Desired.RUNNING, 1, True, ())
    assert [(each.instance, each.revision, each.actual) for each in status.instances] == [
        ("a", 1, "running"),
        ("b", 1, "running"),
    ]
    assert dict(status.buses) == {"postgres": "up", "nats": "up", "redis": "up"}


async def test_a_stop_is_acknowledged_by_all_in_the_status_right_after_the_wait(fleet: Fleet) -> None:
    members = await fleet.join("a", "b", "c")
    decision = await members[0].command(Command(Action.STOP), "http")
    assert await members[0].wait_for_acks(decision, timedelta(seconds=5))
    status = await members[0].fleet()
    assert (status.converged, [each.actual for each in status.instances]) == (True, ["stopped"] * 3)


async def test_a_fleet_without_buses_is_a_fleet(fleet: Fleet) -> None:
    alone = Settings.model_validate({"postgres": {"url": fleet.settings.postgres.url}})
    members = await fleet.join("a", "b", settings=alone)
    assert dict(members[0].bus_health) == {"postgres": "up", "nats": "off", "redis": "off"}
    decision = await members[0].command(Command(Action.STOP), "http")
    assert await members[0].wait_for_acks(decision, timedelta(seconds=5))
    assert not members[1].is_running()


async def test_leaving_takes_everything_back_at_once(fleet: Fleet) -> None:
    async with fleet.member("a") as member:
        await fleet.connected(member)

        async def settled() -> bool:
            return len(await fleet.redis.keys(f"{fleet.prefix}:*")) == 2

        await eventually(settled, "key and lease are written")
        leaving_at = time.monotonic()
    assert time.monotonic() - leaving_at < 3, "a second, and what a busy machine adds"
    assert await fleet.redis.keys(f"{fleet.prefix}:*") == []
    async with await psycopg.AsyncConnection.connect(fleet.settings.postgres.url or "") as connection:
        cursor = await connection.execute("SELECT count(*) FROM processes")
        assert await cursor.fetchone() == (0,)


async def test_a_change_handler_that_fails_does_not_silence_the_member(fleet: Fleet) -> None:
    (member,) = await fleet.join("a")

    def fail(_: object) -> None:
        raise ZeroDivisionError

    told: list[ControlState] = []
    member.subscribe(on_change=fail)
    member.subscribe(on_change=told.append)
    await fleet.nats.publish(f"{fleet.prefix}.control.stop", b"")
    await fleet.all_are(Desired.STOPPED, [member])
    await fleet.nats.publish(f"{fleet.prefix}.control.start", b"")
    await fleet.all_are(Desired.RUNNING, [member])
    assert [state.desired for state in told] == [Desired.STOPPED, Desired.RUNNING]


async def test_a_member_that_has_not_joined_sends_nothing(fleet: Fleet) -> None:
    async with fleet.unjoined("a") as member:
        assert not member.is_running()
        assert member.bus_health == {"postgres": "down", "nats": "down", "redis": "down"}
        async with join_fleet(member):
            assert member.is_running()


async def test_a_process_is_living_for_as_long_in_the_database_as_over_the_buses(sendoff_database: str) -> None:
    async with await psycopg.AsyncConnection.connect(sendoff_database, autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO processes (instance, process, role, host, pid, version, started_at, heartbeat_at, epoch,"
            " revision, actual, in_flight, buses)"
            " SELECT silence, 0, 'worker', 'h', 1, '1', now(), clock_timestamp() - silence * interval '1 s', 1, 1,"
            " 'running', 0, '{}' FROM unnest(%s::float8[]) AS silence",
            ([LIVING_SECONDS - 5, LIVING_SECONDS + 0.001],),
        )
        cursor = await connection.execute("SELECT instance::float8 FROM living_processes")
        assert await cursor.fetchall() == [(LIVING_SECONDS - 5,)]
