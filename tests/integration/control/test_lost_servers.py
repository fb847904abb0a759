"""One bus dead, both dead, a bus that hangs, a client closed for good, PostgreSQL gone: the fleet goes on."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from sendoff_config.settings import Settings
from sendoff_control import heartbeat, nats_connection
from sendoff_control.member import Member
from sendoff_domain.control import Action, Command, Desired
from sendoff_domain.errors import UnavailableError
from support.fleet import Fleet
from support.proxy import Proxy, open_proxy
from support.waiting import PATIENCE, eventually


@dataclass
class Lines:
    """The members' lines to the three servers; the test itself has its own."""

    fleet: Fleet
    postgres: Proxy
    redis: Proxy
    nats: Proxy

    @property
    def settings(self) -> Settings:
        """The fleet's settings by way of the proxies."""
        settings = self.fleet.settings
        return settings.model_copy(
            update={
                "postgres": settings.postgres.model_copy(update={"url": self.postgres.url}),
                "redis": settings.redis.model_copy(update={"broker_url": self.redis.url}),
                "nats": settings.nats.model_copy(update={"url": self.nats.url}),
            }
        )

    async def join(self, *instances: str) -> list[Member]:
        """Members behind the proxies."""
        return await self.fleet.join(*instances, settings=self.settings)


@pytest.fixture
async def lines(fleet: Fleet) -> AsyncIterator[Lines]:
    """Lines that can be cut."""
    settings = fleet.settings
    async with (
        open_proxy(settings.postgres.url or "") as postgres,
        open_proxy(settings.redis.broker_url or "") as redis,
        open_proxy(settings.nats.url or "") as nats,
    ):
        yield Lines(fleet, postgres, redis, nats)
        await fleet.stack.aclose()


async def health_is(members: list[Member], expected: dict[str, str]) -> None:
    await eventually(
        lambda: all(expected.items() <= dict(member.bus_health).items() for member in members),
        f"every member sees {expected}",
        timeout=30,
    )


async def a_wake_up_arrives(members: list[Member]) -> None:
    """Let the first one say that a message is due; the last one hears it."""
    heard = asyncio.Event()
    members[-1].subscribe(on_wake=heard.set)
    members[0].publisher.wake()
    await asyncio.wait_for(heard.wait(), 5)


async def test_without_nats_redis_carries_everything(lines: Lines) -> None:
    members = await lines.join("a", "b", "c")
    await lines.nats.cut()
    await health_is(members, {"nats": "down", "redis": "up"})
    await a_wake_up_arrives(members)
    await lines.fleet.redis.publish(f"{lines.fleet.prefix}:control", "stop")
    await lines.fleet.all_are(Desired.STOPPED, members)
    assert await members[0].wait_for_acks(await members[0].command(Command(Action.START), "http"), timedelta(seconds=5))
    lines.nats.restore()
    await health_is(members, {"nats": "up"})
    await lines.fleet.nats.publish(f"{lines.fleet.prefix}.control.stop", b"")
    await lines.fleet.all_are(Desired.STOPPED, members)
    assert await lines.fleet.revision() == 4


async def test_without_redis_nats_carries_everything(lines: Lines) -> None:
    members = await lines.join("a", "b", "c")
    await lines.redis.cut()
    await health_is(members, {"nats": "up", "redis": "down"})
    await a_wake_up_arrives(members)
    await lines.fleet.nats.publish(f"{lines.fleet.prefix}.control.stop", b"")
    await lines.fleet.all_are(Desired.STOPPED, members)
    lines.redis.restore()
    await health_is(members, {"redis": "up"})
    await lines.fleet.redis.publish(f"{lines.fleet.prefix}:control", '{"action": "start", "commandId": "back"}')
    await lines.fleet.all_are(Desired.RUNNING, members)


async def test_with_both_buses_dead_the_poll_carries_everything(lines: Lines) -> None:
    members = await lines.join("a", "b", "c")
    await lines.nats.cut()
    await lines.redis.cut()
    await health_is(members, {"nats": "down", "redis": "down", "postgres": "up"})
    decision = await members[0].command(Command(Action.STOP), "http")
    assert await members[0].wait_for_acks(decision, timedelta(seconds=5))
    assert [member.is_running() for member in members] == [False] * 3
    status = await members[1].fleet()
    assert (status.desired, status.converged, status.revision) == (Desired.STOPPED, True, 2)


async def test_a_fleet_that_starts_without_any_bus_works_and_finds_them_later(lines: Lines) -> None:
    await lines.nats.cut()
    await lines.redis.cut()
    async with lines.fleet.member("a", lines.settings) as member:
        assert member.is_running()
        assert dict(member.bus_health) == {"postgres": "up", "nats": "down", "redis": "down"}
        lines.nats.restore()
        lines.redis.restore()
        await lines.fleet.connected(member)
        await lines.fleet.nats.publish(f"{lines.fleet.prefix}.control.stop", b"")
        await lines.fleet.all_are(Desired.STOPPED, [member])


async def test_a_wrong_password_for_one_bus_delays_nobody(lines: Lines) -> None:
    settings = lines.fleet.settings
    wrong = settings.nats.model_copy(update={"url": f"nats://nobody:wrong@{lines.nats.url.rpartition('@')[2]}"})
    async with lines.fleet.member("a", settings.model_copy(update={"nats": wrong})) as member:
        await health_is([member], {"postgres": "up", "nats": "down", "redis": "up"})
        await member.command(Command(Action.STOP), "http")
        assert not member.is_running()


async def test_without_postgresql_commands_are_unavailable_and_the_state_stays(lines: Lines) -> None:
    members = await lines.join("a", "b")
    await members[0].command(Command(Action.STOP), "http")
    await lines.fleet.all_are(Desired.STOPPED, members)
    await eventually(lambda: members[0].peers.knows("b-worker-0"), "a has read of b in PostgreSQL")
    await lines.postgres.cut()
    with pytest.raises(UnavailableError):
        await members[0].command(Command(Action.START), "http")
    answer = await lines.fleet.nats.request(f"{lines.fleet.prefix}.control.start", b"", timeout=PATIENCE)
    assert b'"unavailable"' in answer.data
    await health_is(members, {"postgres": "down", "nats": "up", "redis": "up"})
    assert [state.revision for member in members if (state := member.state())] == [2, 2]
    status = await members[0].fleet()
    assert (status.desired, status.revision, status.buses["postgres"]) == (Desired.STOPPED, 2, "down")
    assert [instance.instance for instance in status.instances] == ["a", "b"]
    assert not status.converged, "nothing but the buses says so"
    lines.postgres.restore()
    await health_is(members, {"postgres": "up"})
    assert (await members[0].command(Command(Action.START), "http")).revision == 3
    await lines.fleet.all_are(Desired.RUNNING, members)


async def test_without_postgresql_a_new_member_does_not_run_until_it_knows(lines: Lines) -> None:
    await lines.postgres.cut()
    async with lines.fleet.member("a", lines.settings) as member:
        assert not member.is_running()
        with pytest.raises(UnavailableError):
            await member.fleet()
        lines.postgres.restore()
        await eventually(member.is_running, "PostgreSQL is back and says that everything runs")


async def test_a_redis_that_hangs_is_noticed_and_replaced(lines: Lines) -> None:
    (member,) = await lines.join("a")
    lines.redis.freeze()
    await health_is([member], {"redis": "down"})
    await health_is([member], {"redis": "up"})
    await lines.fleet.redis.publish(f"{lines.fleet.prefix}:control", '{"action": "stop", "commandId": "after"}')
    await lines.fleet.all_are(Desired.STOPPED, [member])


async def test_a_subscription_that_went_deaf_is_replaced(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "INTERVAL", 0.2)
    (member,) = await lines.join("a")
    lines.redis.freeze(oldest_only=True)  # the subscription: commands to Redis still work
    await health_is([member], {"redis": "down"})
    await health_is([member], {"redis": "up"})
    await lines.fleet.redis.publish(f"{lines.fleet.prefix}:control", '{"action": "stop", "commandId": "heard"}')
    await lines.fleet.all_are(Desired.STOPPED, [member])


async def test_a_nats_that_hangs_is_noticed_and_replaced(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nats_connection, "PING_INTERVAL", 0.2)
    (member,) = await lines.join("a")
    lines.nats.freeze()
    await health_is([member], {"nats": "down"})
    lines.nats.thaw()  # or the server keeps the dead subscription in the queue group, as it would on a real network
    await health_is([member], {"nats": "up"})
    await lines.fleet.nats.publish(f"{lines.fleet.prefix}.control.stop", b"")
    await lines.fleet.all_are(Desired.STOPPED, [member])
