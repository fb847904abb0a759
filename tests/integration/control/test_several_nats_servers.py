"""`nats.url` with several servers: whichever answers is used, and one that is lost is left."""

from pathlib import Path

import nats

from sendoff_config.settings import Settings
from sendoff_control.member import Member
from sendoff_domain.control import Action, Desired
from support.fleet import Fleet
from support.nats_cluster import running_nats_cluster
from support.waiting import eventually
from support.whole_sendoff import free_port


def at(fleet: Fleet, url: str) -> Settings:
    """The fleet's settings with another address of NATS."""
    return fleet.settings.model_copy(update={"nats": fleet.settings.nats.model_copy(update={"url": url})})


async def test_a_server_that_is_away_is_passed_over(fleet: Fleet) -> None:
    settings = at(fleet, f"nats://127.0.0.1:{free_port()}, {fleet.settings.nats.url}")
    members = await fleet.join("a", "b", "c", settings=settings)
    await fleet.nats.publish(f"{fleet.prefix}.control.stop", b"")
    await fleet.all_are(Desired.STOPPED, members)


async def test_a_node_that_dies_is_left_for_the_next_and_the_fleet_is_one(fleet: Fleet, tmp_path: Path) -> None:
    with running_nats_cluster(tmp_path) as cluster:
        members = await fleet.join("a", "b", "c", settings=at(fleet, cluster.url))
        *doomed, last = cluster.nodes
        for node, action in zip(doomed, (Action.STOP, Action.START), strict=True):
            node.end()
            await eventually(
                lambda: all(member.bus_health["nats"] == "up" for member in members), "all are up", timeout=60
            )
            await command(last.url, fleet, action, members)
        await fleet.stack.aclose()


async def command(url: str, fleet: Fleet, action: Action, members: list[Member]) -> None:
    """Publish a command as an outsider until every member has heard of it: one may just have lost its server."""
    client = await nats.connect(url, connect_timeout=10)

    async def obeyed() -> bool:
        await client.publish(f"{fleet.prefix}.control.{action}", b"")
        await client.flush()
        return all(member.is_running() is (action is Action.START) for member in members)

    assert await eventually(obeyed, f"all members {action}")
    await client.close()
