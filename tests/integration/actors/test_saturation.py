"""A process tells the claims of the fleet of whose messages it has more than it can send."""

from datetime import timedelta

import pytest

from sendoff_actors.sender.saturation_reporter import SaturationReporter
from support.proxy import open_proxy
from support.servers import RedisUrls
from support.worker import Worker, open_worker


class Process:
    """A process whose Sender says who is saturated."""

    def __init__(self, worker: Worker, name: str = "one/0") -> None:
        self.saturated: set[str] = set()
        self._reporter = SaturationReporter(worker.pool, name, lambda: frozenset(self.saturated))

    async def report(self, *saturated: str) -> None:
        self.saturated = set(saturated)
        await self._reporter.run_once()


@pytest.fixture
def process(worker: Worker) -> Process:
    return Process(worker)


async def reported(worker: Worker) -> list[tuple[str, str]]:
    """Who is saturated, and in which process."""
    return await worker.rows(f"SELECT customer_id, process FROM {await table(worker)} ORDER BY 1, 2")


async def table(worker: Worker) -> str:
    """The only table with a column `until`."""
    found = await worker.scalar(
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'until' AND table_schema = 'public'"
    )
    return str(found)


async def test_what_has_changed_is_written_and_taken_back(worker: Worker, process: Process) -> None:
    await process.report("a", "b")
    assert await reported(worker) == [("a", "one/0"), ("b", "one/0")]
    await process.report("b")
    assert await reported(worker) == [("b", "one/0")]
    await process.report()
    assert await reported(worker) == []


async def test_a_process_takes_back_only_what_is_its_own(worker: Worker, process: Process) -> None:
    other = Process(worker, "two/0")
    await process.report("a")
    await other.report("a")
    await process.report()
    assert await reported(worker) == [("a", "two/0")]


async def test_a_report_is_over_by_itself_when_its_process_is_gone(worker: Worker, process: Process) -> None:
    await process.report("a")
    lasts = await worker.scalar(f"SELECT until - clock_timestamp() FROM {await table(worker)}")
    assert timedelta(0) < lasts <= timedelta(seconds=10)


async def test_what_stays_is_not_written_at_every_turn(worker: Worker, process: Process) -> None:
    await process.report("a")
    first = await worker.scalar(f"SELECT xmin FROM {await table(worker)}")
    await process.report("a")
    assert await worker.scalar(f"SELECT xmin FROM {await table(worker)}") == first


async def test_a_report_that_the_database_did_not_take_is_made_again(
    sendoff_database: str, redis_urls: RedisUrls
) -> None:
    async with (
        open_proxy(sendoff_database) as proxy,
        open_worker(proxy.url, redis_urls, beside=sendoff_database) as worker,
    ):
        process = Process(worker)
        await proxy.cut()
        with worker.impatient():
            await process.report("a")
        assert await reported(worker) == []

        proxy.restore()
        await process.report("a")
        assert await reported(worker) == [("a", "one/0")]
