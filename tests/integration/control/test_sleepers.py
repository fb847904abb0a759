"""A process that is paused (SIGSTOP) while the others go on, and reads late what was said meanwhile."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sendoff_config.settings import Settings
from sendoff_domain.control import Action, Command, Desired
from support import member_process
from support.fleet import Fleet
from support.waiting import eventually


@contextmanager
def running_member(settings: Settings, instance: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A member in a process of its own, killed at the end."""
    process = subprocess.Popen([sys.executable, member_process.__file__, instance], stdin=subprocess.PIPE)
    try:
        assert process.stdin is not None
        process.stdin.write(settings.model_dump_json(by_alias=True).encode())
        process.stdin.close()
        yield process
    finally:
        process.kill()
        process.wait(10)


async def answer_of(fleet: Fleet, instance: str) -> dict[str, object] | None:
    """What that process says about itself over NATS, or None while it says nothing."""
    inbox = fleet.nats.new_inbox()
    answers = await fleet.nats.subscribe(inbox)
    await fleet.nats.publish(f"{fleet.prefix}.control.status", b"", reply=inbox)
    try:
        while True:
            data = (await answers.next_msg(timeout=0.3)).data
            if not data:  # the server's word that nobody listens
                return None
            if json.loads(data)["instance"] == instance:
                return dict(json.loads(data))
    except TimeoutError:
        return None
    finally:
        await answers.unsubscribe()


async def is_up(fleet: Fleet, instance: str) -> bool:
    """Whether that process is up on both buses."""
    answer = await answer_of(fleet, instance)
    return answer is not None and "down" not in dict(answer["buses"]).values()  # type: ignore[call-overload]  # JSON


async def holds_lease(fleet: Fleet, instance: str) -> bool:
    """Whether that process may act on plain words on Redis."""
    value = await fleet.redis.get(f"{fleet.prefix}:control:authority")
    return isinstance(value, bytes) and value.decode().startswith(f"{instance}-worker-0:")


async def test_a_sleeping_lease_holder_does_not_act_on_what_it_reads_late(fleet: Fleet) -> None:
    with running_member(fleet.settings, "sleeper") as process:
        await eventually(lambda: holds_lease(fleet, "sleeper"), "the sleeper holds the lease")
        members = await fleet.join("a", "b")
        process.send_signal(signal.SIGSTOP)
        await fleet.redis.publish(f"{fleet.prefix}:control", "stop")
        await fleet.all_are(Desired.STOPPED, members)
        assert not await holds_lease(fleet, "sleeper")
        await fleet.redis.publish(f"{fleet.prefix}:control", "start")
        await fleet.all_are(Desired.RUNNING, members)
        process.send_signal(signal.SIGCONT)
        await eventually(lambda: is_up(fleet, "sleeper"), "the sleeper is awake")
        last = await members[0].command(Command(Action.STOP), "http")
        assert await members[0].wait_for_acks(last, timedelta(seconds=10))
        assert last.revision == 4
        assert await fleet.commands() == [
            ("stop", "accepted", "redis"),
            ("start", "accepted", "redis"),
            ("stop", "accepted", "http"),
        ]


async def test_a_sleeper_that_got_the_only_copy_on_nats_acts_only_if_nothing_was_decided_since(fleet: Fleet) -> None:
    with running_member(fleet.settings, "sleeper") as process:
        await eventually(lambda: is_up(fleet, "sleeper"), "the sleeper is up")
        process.send_signal(signal.SIGSTOP)
        paused_at = time.monotonic()
        await fleet.nats.publish(f"{fleet.prefix}.control.stop", b"")
        await fleet.nats.flush()
        (member,) = await fleet.join("a")
        await member.command(Command(Action.STOP), "http")
        await member.command(Command(Action.START), "http")
        await eventually(lambda: time.monotonic() > paused_at + 2, "the pause is longer than one that is overlooked")
        process.send_signal(signal.SIGCONT)

        async def all_recorded() -> bool:
            return len(await fleet.commands()) == 3

        await eventually(all_recorded, "the sleeper has read its command")
        assert (await fleet.commands())[-1] == ("stop", "expired", "nats")
        assert await fleet.revision() == 3


async def test_a_pause_right_after_the_start_makes_no_command_late(fleet: Fleet) -> None:
    (member,) = await fleet.join("a")
    time.sleep(2)  # noqa: ASYNC251  the whole process stands still, which it would not at an await
    await fleet.nats.publish(f"{fleet.prefix}.control.stop", b"")
    await fleet.all_are(Desired.STOPPED, [member])
    assert await fleet.commands() == [("stop", "accepted", "nats")]


async def test_a_pause_right_after_a_decision_makes_the_next_command_no_late_one(fleet: Fleet) -> None:
    (member,) = await fleet.join("a")
    await fleet.nats.publish(f"{fleet.prefix}.control.stop", b"")
    await fleet.all_are(Desired.STOPPED, [member])
    time.sleep(2)  # noqa: ASYNC251  as above
    await fleet.nats.publish(f"{fleet.prefix}.control.start", b"")
    await fleet.all_are(Desired.RUNNING, [member])
    assert await fleet.commands() == [("stop", "accepted", "nats"), ("start", "accepted", "nats")]


async def test_a_killed_member_is_unconfirmed_until_it_counts_as_gone(fleet: Fleet) -> None:
    (member,) = await fleet.join("a")
    with running_member(fleet.settings, "victim") as process:
        await eventually(lambda: is_up(fleet, "victim"), "the victim is up")
        process.kill()
        process.wait(10)
        decision = await member.command(Command(Action.STOP), "http")
        assert not await member.wait_for_acks(decision, timedelta(milliseconds=300))
        status = await member.fleet()
        assert (status.converged, status.unconfirmed) == (False, ("victim-worker-0",))

        async def shown() -> dict[str, str]:
            return {each.instance: each.actual for each in (await member.fleet()).instances}

        async def is_gone() -> bool:
            return await shown() == {"a": "stopped", "victim": "gone"}

        await eventually(is_gone, "the victim is shown as gone", timeout=60)
        assert not (await member.fleet()).converged

        async def is_forgotten() -> bool:
            return await shown() == {"a": "stopped"} and (await member.fleet()).converged

        await eventually(is_forgotten, "the victim is not shown any more", timeout=60)
