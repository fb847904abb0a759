"""Who acts on a plain word on Redis: the holder of the lease, or after its death the next one, never both."""

from sendoff_control.lease import Lease
from sendoff_control.member import Member
from sendoff_domain.control import Action, Command, Desired
from support.fleet import Fleet
from support.waiting import eventually


async def holder_of(fleet: Fleet, members: list[Member]) -> Member:
    """The member that holds the lease right now, with its mark long heard."""

    async def held() -> Member | None:
        value = await fleet.redis.get(f"{fleet.prefix}:control:authority")
        names = {member.identity.name: member for member in members}
        return names.get(value.decode().rpartition(":")[0]) if isinstance(value, bytes) else None

    return await eventually(held, "somebody holds the lease")


async def test_a_term_lasts_while_it_is_renewed_and_its_token_never_comes_back(fleet: Fleet) -> None:
    key = f"{fleet.prefix}:control:authority"
    first, second = Lease(fleet.redis, key, "first"), Lease(fleet.redis, key, "second")
    assert await first.acquire()
    assert not await second.acquire()
    assert not await second.renew()
    assert await first.renew()
    await fleet.redis.delete(key)
    assert await second.acquire()
    assert not await first.renew()
    await second.release()
    assert await first.acquire()
    assert not await second.renew()
    await first.release()
    assert await fleet.redis.get(key) is None


async def test_a_holder_that_lost_its_lease_does_not_act_and_its_successor_does(fleet: Fleet) -> None:
    members = await fleet.join("a", "b", "c")
    await holder_of(fleet, members)
    await fleet.redis.set(f"{fleet.prefix}:control:authority", "a stranger who never acts", px=1500)
    await fleet.redis.publish(f"{fleet.prefix}:control", "stop")
    await fleet.all_are(Desired.STOPPED, members)
    assert await fleet.commands() == [("stop", "accepted", "redis")]


async def test_a_word_that_was_followed_by_a_decision_is_not_repeated(fleet: Fleet) -> None:
    members = await fleet.join("a", "b", "c")
    await holder_of(fleet, members)
    await fleet.redis.set(f"{fleet.prefix}:control:authority", "a stranger who never acts", px=1500)
    await fleet.redis.publish(f"{fleet.prefix}:control", "stop")
    stop = await members[0].command(Command(Action.STOP, "stranger"), "redis")
    start = await members[1].command(Command(Action.START, "later"), "http")
    assert (stop.revision, start.revision) == (2, 3)
    heir = await holder_of(fleet, members)
    await fleet.redis.publish(f"{fleet.prefix}:control", '{"action": "start", "commandId": "after"}')

    async def decided() -> bool:
        return len(await fleet.commands()) == 3

    await eventually(decided, "the heir has worked through what it heard before")
    assert heir.is_running()
    assert await fleet.revision() == 3


async def test_of_several_words_left_behind_the_last_one_counts(fleet: Fleet) -> None:
    members = await fleet.join("a", "b")
    await members[0].command(Command(Action.STOP), "http")
    await fleet.all_are(Desired.STOPPED, members)
    await fleet.redis.set(f"{fleet.prefix}:control:authority", "a stranger who never acts", px=1000)
    for word in ("start", "stop", "start"):
        await fleet.redis.publish(f"{fleet.prefix}:control", word)
    await fleet.all_are(Desired.RUNNING, members)
    assert await fleet.revision() == 3
