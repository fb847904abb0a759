"""One instance: its processes under a supervisor, until it is told to stop, or a server dies."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

import aiohttp

from sendoff_cli.console import complain, say
from sendoff_cli.forked_process import ForkServer
from sendoff_cli.servers.embedded import EmbeddedServers
from sendoff_cli.supervisor import Child, Process, Supervisor, execute, stopped_by_signals
from sendoff_cli.waiting import wait_out

_SERVER_CHECK_SECONDS = 0.5
_READY_CHECK_SECONDS = 0.25
_READY_NEWS_SECONDS = 30.0


async def run_processes(
    stages: Sequence[Sequence[Process]],
    servers: EmbeddedServers | None,
    when_started: Callable[[], Awaitable[None]],
    forks: ForkServer,
) -> int:
    """Run the stages until an ending signal; returns the code to exit with.

    `when_started` runs beside them and may take its time. The death of an embedded server ends everything. What `forks`
    has imported is forked off it.
    """

    async def start(process: Process) -> Child:
        if process.module is None:
            return await execute(process)
        return await forks.start(process.module, f"sendoff {process.name}", process.environment)

    supervisor = Supervisor(stages, say, start=start)
    with stopped_by_signals(supervisor):
        async with _beside(when_started()), _beside(_watch(servers, supervisor)):
            return await supervisor.run()


async def wait_until_ready(url: str) -> None:
    """Wait until the API answers that it is ready; says what is missing when that takes long."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        asked = partial(_problem, session, f"{url}/health/ready")
        while problem := await wait_out(asked, _READY_NEWS_SECONDS, _READY_CHECK_SECONDS):
            say(f"the API is not ready yet: {problem}")


async def _problem(session: aiohttp.ClientSession, url: str) -> str | None:
    """Why the API is not ready, or None if it is."""
    try:
        async with session.get(url) as response:
            return None if response.status == 200 else f"{url} answers {response.status} {await response.text()}"
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"{url} does not answer ({type(error).__name__})"


async def _watch(servers: EmbeddedServers | None, supervisor: Supervisor) -> None:
    while servers is not None:
        if (death := servers.dead()) is not None:
            complain(f"{death}\neverything stops; the next start recovers the data")
            supervisor.stop(1)
            return
        await asyncio.sleep(_SERVER_CHECK_SECONDS)


@asynccontextmanager
async def _beside(work: Awaitable[None]) -> AsyncIterator[None]:
    """Run something next to the block, and end it with the block."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
