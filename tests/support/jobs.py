"""Jobs that are done in the test's own process, step by step, as a worker does them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sendoff_config.settings import PartitionSettings
from sendoff_http.web.keys import POOL
from sendoff_intake.jobs.step import seconds_to_step, take_step
from support.api import Api


async def work_off(api: Api) -> None:
    """Take steps until no job runs any more."""
    pool = api.runner.app[POOL]
    while (seconds := await seconds_to_step(pool)) is not None:
        await asyncio.sleep(max(0.0, seconds))
        await take_step(pool, PartitionSettings())


async def done_by(api: Api, path: str, body: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The job that this request makes, once it is done; options are those of the requests."""
    reply = await api.post(path, body, **options)
    assert reply.status == 202, reply.body
    await work_off(api)
    job: dict[str, Any] = (await api.get(reply.headers["Location"], **options)).json
    assert (job["state"], job["progress"]) == ("done", 1.0), job
    return job


def counts(job: dict[str, Any]) -> tuple[int, int, int]:
    """Matched, done, skipped."""
    return job["matched"], job["done"], job["skipped"]


@asynccontextmanager
async def steps_taken(api: Api) -> AsyncIterator[None]:
    """Within the block jobs go on, as a worker lets them."""

    async def work() -> None:
        while True:
            await take_step(api.runner.app[POOL], PartitionSettings())
            await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(work())
        yield
        task.cancel()
