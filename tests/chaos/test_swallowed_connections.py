"""The network swallows what a worker says to a server, without a reset: a single worker goes on within seconds."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from support.client import Client
from support.instances import Launcher
from support.proxy import Proxy, open_proxy
from support.receiver import Receiver
from support.waiting import eventually

COUNT = 200
#: The limit of a statement, the lease of what was claimed by one that was swallowed, and a busy machine.
SECONDS = 60


@pytest.fixture
async def lines(launch: Launcher) -> AsyncIterator[dict[str, Proxy]]:
    """The worker's lines to its servers."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(open_proxy(launch.environment[f"SENDOFF_{name}"]))
            for name in ("POSTGRES__URL", "REDIS__BROKER_URL", "REDIS__CACHE_URL", "NATS__URL")
        }
        await asyncio.to_thread(lambda: [process.stop() for process in launch.processes if process.alive])


@pytest.mark.parametrize(
    "swallowed",
    [["POSTGRES__URL"], ["REDIS__BROKER_URL", "REDIS__CACHE_URL"], ["NATS__URL"]],
    ids=["postgres", "redis", "nats"],
)
async def test_a_single_worker_goes_on_after_its_connections_were_swallowed(
    api: Client, launch: Launcher, lines: dict[str, Proxy], receiver: Receiver, swallowed: list[str]
) -> None:
    urls: dict[str, Any] = {name: line.url for name, line in lines.items()}
    await asyncio.to_thread(lambda: launch.worker(**urls))
    ids = set(await asyncio.to_thread(api.send_many, COUNT))
    await eventually(received(receiver, ids), "messages flow", timeout=SECONDS)
    for name in swallowed:
        lines[name].freeze()
    ids |= set(await asyncio.to_thread(api.send_many, COUNT))
    await eventually(received(receiver, ids), "messages flow again", timeout=SECONDS)


def received(receiver: Receiver, ids: set[str]) -> Callable[[], bool]:
    return lambda: ids <= set(receiver.ids())
