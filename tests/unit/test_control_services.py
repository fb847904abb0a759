"""The fleet's background work, one turn at a time and without a server."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from sendoff_config.identity import Identity
from sendoff_control import announcer as announcers
from sendoff_control.announcer import Announcer
from sendoff_control.hints import Outbox, Outgoing, Publisher, Subscribers
from sendoff_control.protocol import StateAnnouncement, announcement_of, decode
from sendoff_control.states import AppliedStates
from sendoff_domain.control import ControlState, Desired

STATE = ControlState("global", 1, 2, Desired.STOPPED)
IDENTITY = Identity("a", 0, "worker", "localhost", 1, "0", datetime.now(UTC))


class Wire:
    """A publisher with one bus that is up, and what was put on it."""

    def __init__(self) -> None:
        self.outbox = Outbox("nats")
        self.publisher = Publisher(IDENTITY.name, [self.outbox])
        self.queue = self.outbox.open()

    def announced(self) -> list[ControlState]:
        """The states that were announced since the last call."""
        sent = []
        while not self.queue.empty():
            announcement = decode(self.queue.get_nowait().payload, StateAnnouncement)
            assert announcement is not None
            sent.append(announcement.state)
        return sent


@pytest.fixture
async def wire() -> Wire:
    return Wire()


@pytest.fixture
async def announcer(wire: Wire) -> Announcer:
    states = AppliedStates()
    states.settle(STATE, time.monotonic())
    return Announcer(states, wire.publisher)


async def test_the_state_is_announced_again(announcer: Announcer, wire: Wire) -> None:
    await announcer.run_once()
    assert wire.announced() == [STATE]


async def test_one_voice_in_the_fleet_is_enough(announcer: Announcer, wire: Wire) -> None:
    announcer.heard(announcement_of("another", STATE))
    await announcer.run_once()
    assert wire.announced() == []


async def test_an_older_announcement_does_not_count_as_heard(announcer: Announcer, wire: Wire) -> None:
    announcer.heard(announcement_of("another", ControlState("global", 1, 1, Desired.RUNNING)))
    await announcer.run_once()
    assert wire.announced() == [STATE]


async def test_a_laggard_is_answered_at_once_and_once(
    announcer: Announcer, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcers, "INTERVAL", 3600.0)
    announcer.lagging()
    await asyncio.wait_for(announcer.wait(), 5)
    await announcer.run_once()
    assert wire.announced() == [STATE]
    announcer.lagging()
    await announcer.run_once()
    assert wire.announced() == [], "it was announced just now"


async def test_a_member_that_knows_nothing_announces_nothing(wire: Wire) -> None:
    await Announcer(AppliedStates(), wire.publisher).run_once()
    assert wire.announced() == []


async def test_hints_are_dropped_while_a_bus_is_down() -> None:
    outbox = Outbox("redis")
    publisher = Publisher(IDENTITY.name, [outbox])
    publisher.announce(STATE)
    assert publisher.health == {"nats": "off", "redis": "down"}
    queue = outbox.open()
    assert publisher.health == {"nats": "off", "redis": "up"}
    assert queue.empty()
    publisher.wake()
    assert queue.get_nowait() == Outgoing("wake", b"")
    outbox.close()
    publisher.wake()
    assert queue.empty()


async def test_a_wake_up_goes_over_redis_or_else_over_nats() -> None:
    nats, redis = Outbox("nats"), Outbox("redis")
    publisher = Publisher(IDENTITY.name, [nats, redis])
    over_nats, over_redis = nats.open(), redis.open()
    publisher.wake()
    assert (over_nats.qsize(), over_redis.qsize()) == (0, 1)
    redis.trouble = "full"
    publisher.wake()
    assert (over_nats.qsize(), over_redis.qsize()) == (1, 1)
    redis.close()
    publisher.wake()
    assert (over_nats.qsize(), over_redis.qsize()) == (2, 1)


async def test_a_full_outbox_drops_what_comes_and_blocks_nobody() -> None:
    outbox = Outbox("nats")
    queue = outbox.open()
    publisher = Publisher(IDENTITY.name, [outbox])
    for _ in range(queue.maxsize + 1):
        publisher.wake()
    assert queue.full()


async def test_leaving_waits_for_unsent_hints_only_so_long() -> None:
    outbox = Outbox("nats")
    outbox.open()
    outbox.put(Outgoing("wake", b""))
    await asyncio.wait_for(outbox.drained(0.01), 5)


def test_a_subscriber_that_fails_keeps_nothing_from_the_next_one() -> None:
    told: list[str] = []
    subscribers = Subscribers()

    def fail(_: str) -> None:
        raise ZeroDivisionError

    subscribers.add(on_change=None, on_wake=None, on_customer=fail)
    subscribers.add(on_change=None, on_wake=None, on_customer=told.append)
    subscribers.customer_changed("acme")
    subscribers.woken()
    assert told == ["acme"]
