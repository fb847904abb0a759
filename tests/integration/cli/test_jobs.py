"""`sendoff jobs`, and dead letters sent again or deleted in bulk: counted, asked for, followed, cancelled."""

import asyncio
from typing import Any

from support.api import Api
from support.api_command import ApiCommand
from support.jobs import counts, steps_taken
from support.places import bury
from support.refusals import refusing
from support.waiting import eventually

RESEND, PURGE = ("dead-letters", "resend"), ("dead-letters", "purge")


async def buried(api: Api, count: int, **fields: Any) -> None:
    for _ in range(count):
        await bury(api.db, await api.create(**fields))


async def jobs(command: ApiCommand, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await command.json("jobs", "list", *words))["data"]
    return found


async def test_a_dry_run_counts_and_makes_no_job(api: Api, command: ApiCommand) -> None:
    await buried(api, 2, to="jane")
    await buried(api, 1, to="joe")
    for words, matched in {
        (*RESEND, "--to", "jane"): 2,
        (*PURGE, "--all"): 3,
        (*PURGE, "--reason", "expired"): 0,
    }.items():
        assert (await command.json(*words, "--dry-run"))["matched"] == matched
    assert "3 match" in await command.said(*RESEND, "--all", "--dry-run", "--yes")
    assert (await jobs(command), await api.count("dead_letters")) == ([], 3)


async def test_many_messages_that_wait_are_counted_moved_and_cancelled(api: Api, command: ApiCommand) -> None:
    for name in ("jane", "jane", "joe"):
        await api.create(to=name, deliverAt="2042-01-01T00:00:00Z")
    move = ("messages", "reschedule", "--to", "jane", "--by", "1h")
    assert (await command.json(*move, "--dry-run"))["matched"] == 2
    refused = await command.run("messages", "cancel", "--all", stdin="n\n")
    assert (refused.returncode, "cancel 3 of all customers? [y/N]" in refused.stderr) == (1, True)
    async with steps_taken(api):
        assert counts(await command.json(*move, "--yes")) == (2, 2, 0)
        assert "is done: 1 of 1 done" in await command.said("messages", "cancel", "--to", "joe", "--yes")
    assert await api.scalar("SELECT count(*) FROM due WHERE due_at = '2042-01-01T01:00:00Z'") == 2
    assert (await api.count("due"), await api.count("cancellations")) == (2, 1)


async def test_without_yes_the_count_is_frozen_and_asked_for(api: Api, command: ApiCommand) -> None:
    await buried(api, 2)
    for answer in ("n\n", "", "maybe\n"):
        refused = await command.run(*RESEND, "--all", "--rate", "50", stdin=answer)
        assert refused.returncode == 1
        assert "resend 2 of all customers, at most 50 a second? [y/N]" in refused.stderr
        assert "is cancelled, nothing was done" in refused.stderr
    assert [one["state"] for one in await jobs(command)] == ["cancelled"] * 3
    assert await api.count("dead_letters") == 2
    async with steps_taken(api):
        job = await command.json(*PURGE, "--customer", "default", stdin="y\n")
    assert (job["state"], counts(job), job["selection"]) == ("done", (2, 2, 0), {"customer": "default"})
    assert await api.count("dead_letters") == 0


async def test_with_yes_many_are_sent_again_and_the_job_is_followed_to_its_end(api: Api, command: ApiCommand) -> None:
    await buried(api, 3, to="jane")
    await buried(api, 1, to="joe")
    async with steps_taken(api):
        said = await command.said(*RESEND, "--to", "jane", "--rate", "40", "--yes")
    assert ("is running: 0 of 3 done" in said, "is done: 3 of 3 done" in said) == (True, True)
    assert (await api.count("due"), await api.count("dead_letters")) == (3, 1)
    assert "is done: 0 of 0 done" in await command.said(*RESEND, "--to", "nobody"), "nothing to ask for"


async def test_a_job_is_left_watched_listed_and_commanded(api: Api, command: ApiCommand) -> None:
    await buried(api, 4)
    job = await command.json(*PURGE, "--all", "--rate", "8", "--yes", "--no-wait")
    assert (job["state"], job["matched"], job["rate"]) == ("running", 4, 8)
    name = job["id"]
    assert f"{name} is paused: 0 of 4 done" in await command.said("jobs", "pause", name)
    assert (await command.json("jobs", "show", name))["state"] == "paused"
    assert "dead-letters.purge" in await command.said("jobs", "show", name)
    assert (await command.json("jobs", "resume", name))["state"] == "running"
    async with steps_taken(api):
        assert f"{name} is done: 4 of 4 done" in await command.said("jobs", "watch", name)
    again = await command.run("jobs", "resume", name)
    assert (again.returncode, "can't be told to resume" in again.stderr) == (1, True)
    assert name in await command.said("jobs", "list")
    assert [one["id"] for one in await jobs(command, "--state", "done", "--kind", "dead-letters.purge")] == [name]
    assert await jobs(command, "--state", "running") == []


async def test_pages_of_jobs_go_on_behind_a_cursor(api: Api, command: ApiCommand) -> None:
    await buried(api, 1)
    made = [(await command.json(*PURGE, "--all", "--yes", "--no-wait"))["id"] for _ in range(3)]
    assert "raise --limit" in await command.said("jobs", "list", "--limit", "2")
    first = await command.json("jobs", "list", "--limit", "2")
    rest = await command.json("jobs", "list", "--cursor", first["nextCursor"])
    assert [one["id"] for one in first["data"] + rest["data"]] == made[::-1]


async def test_a_job_that_ends_otherwise_ends_the_command_with_one(api: Api, command: ApiCommand) -> None:
    await buried(api, 1)
    cancelled = asyncio.create_task(command.run(*PURGE, "--all", "--yes", "--json"))
    job = await eventually(lambda: made(api), "the job is there")
    assert (await api.post(f"/v1/jobs/{job['id']}/cancel")).json["state"] == "cancelled"
    ended = await cancelled
    assert (ended.returncode, "is cancelled: 0 of 1 done" in ended.stderr) == (1, True)
    assert '"state": "cancelled"' in ended.stdout
    async with refusing(api.db, "dead_letters", "P0001", when="true"), steps_taken(api):
        failing = asyncio.create_task(command.run(*PURGE, "--all", "--yes"))
        await eventually(lambda: hurried(api), "the job has failed", every=0.05)
        failed = await failing
    assert (failed.returncode, "is failed: 0 of 1 done (" in failed.stderr) == (1, True)


async def made(api: Api) -> Any:
    """The job that runs, if there is one; asked beside a command, of which a process runs one at a time."""
    return next(iter((await api.get("/v1/jobs?state=running")).json["data"]), None)


async def hurried(api: Api) -> bool:
    """Whether a job has failed; until then its next step is due at once."""
    await api.db.execute(b"UPDATE jobs SET next_step_at = now() WHERE state = 'running'")
    return bool(await api.scalar("SELECT count(*) FROM jobs WHERE state = 'failed'"))
