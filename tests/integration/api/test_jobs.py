"""Jobs: counted first, followed, paused, resumed, cancelled, seen by those who may, and never too many."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from sendoff_config.settings import PartitionSettings
from sendoff_domain.times import parse_moment
from sendoff_http.web.keys import POOL
from sendoff_intake.jobs.step import take_step
from sendoff_intake.jobs.unanswered import end_unanswered
from support.api import Api, api_settings, running_api
from support.customers import create
from support.jobs import counts, done_by, work_off
from support.places import bury, claim, retry_later
from support.refusals import refusing

ROOT = {"X-API-Key": "the-secret-of-the-root-of-it-all"}
LETTERS = {"X-API-Key": "the-secret-of-who-has-dead-letters"}
KEYS = [
    {"name": "root", "secret": ROOT["X-API-Key"], "role": "admin"},
    {"name": "letters", "secret": LETTERS["X-API-Key"], "scopes": ["dead-letters"]},
]
RESEND, PURGE = "/v1/dead-letters/resend", "/v1/dead-letters/purge"
CANCEL, RESCHEDULE = "/v1/messages/cancel", "/v1/messages/reschedule"


@pytest.fixture
async def keyed(database: str) -> AsyncIterator[Api]:
    """A server that asks for keys; without others, requests are those of the root."""
    async with running_api(api_settings(database, http={"apiKeys": KEYS})) as running:
        running.session.headers.update(ROOT)
        yield running


async def step(api: Api) -> bool:
    return await take_step(api.runner.app[POOL], PartitionSettings())


async def make(api: Api, path: str, **body: Any) -> dict[str, Any]:
    reply = await api.post(path, body)
    assert reply.status == 202, reply.body
    job: dict[str, Any] = reply.json
    assert reply.headers["Location"] == f"/v1/jobs/{job['id']}"
    return job


async def read(api: Api, job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(f"/v1/jobs/{job['id']}")).json
    return found


async def buried(api: Api, count: int, **fields: Any) -> None:
    for _ in range(count):
        await bury(api.db, await api.create(**fields))


async def places(api: Api) -> dict[str, int]:
    return {table: await api.count(table) for table in ("due", "retries", "dead_letters", "cancellations")}


async def test_a_held_job_shows_its_count_and_does_nothing_until_it_is_resumed(api: Api) -> None:
    await buried(api, 3)
    job = await make(api, PURGE, reason="exhausted", hold=True)
    assert (job["state"], job["matched"], job["startedAt"]) == ("held", 3, None)
    await buried(api, 1)  # after the count
    await work_off(api)
    assert await api.count("dead_letters") == 4
    assert (await api.post(f"/v1/jobs/{job['id']}/resume")).json["state"] == "running"
    await work_off(api)
    assert counts(await read(api, job)) == (3, 3, 0)
    assert await api.count("dead_letters") == 1, "what died after the count is not in it"


async def test_a_held_job_that_nobody_starts_is_cancelled_after_a_day_and_says_so(api: Api) -> None:
    await buried(api, 2)
    old, new = [await make(api, PURGE, all=True, hold=True) for _ in range(2)]
    assert (parse_moment(new["expiresAt"]) - parse_moment(new["createdAt"])).total_seconds() == 86_400
    pool = api.runner.app[POOL]
    assert await end_unanswered(pool) == 0
    made_before = b"UPDATE jobs SET created_at = created_at - interval '1 day' WHERE id = %s"
    await api.db.execute(made_before, [UUID(old["id"].removeprefix("job_"))])
    ended = await asyncio.gather(*(end_unanswered(pool) for _ in range(3)))
    assert sum(ended) == 1
    shown = await read(api, old)
    assert (shown["state"], shown["error"]) == ("cancelled", "nobody started it within 24h")
    assert (shown["expiresAt"], shown["finishedAt"] is not None, shown["done"]) == (None, True, 0)
    assert (await api.post(f"/v1/jobs/{old['id']}/resume")).status == 409
    assert (await read(api, new))["state"] == "held"
    entry = (await api.get(f"/v1/audit?target={old['id']}&limit=1")).json["data"][0]
    assert (entry["actor"], entry["action"]) == ("worker", "job.expire")
    assert await api.count("dead_letters") == 2


async def test_a_rate_sets_the_size_of_a_step_and_a_pause_is_not_made_up_for(api: Api) -> None:
    await buried(api, 7)
    job = await make(api, RESEND, all=True, rate=8)
    assert await step(api)
    assert (await read(api, job))["done"] == 2
    assert not await step(api), "the next one is due a quarter of a second later"
    assert (await api.post(f"/v1/jobs/{job['id']}/pause")).json["state"] == "paused"
    assert (await api.post(f"/v1/jobs/{job['id']}/pause")).status == 200, "as wanted already"
    await asyncio.sleep(0.3)
    assert not await step(api)
    assert (await api.post(f"/v1/jobs/{job['id']}/resume")).json["done"] == 2
    assert await step(api)
    assert not await step(api)
    assert (await read(api, job))["progress"] == pytest.approx(4 / 7)
    await work_off(api)
    assert counts(await read(api, job)) == (7, 7, 0)
    assert await places(api) == {"due": 7, "retries": 0, "dead_letters": 0, "cancellations": 0}


async def test_a_resend_without_a_rate_has_the_default_one_and_other_jobs_have_none(api: Api) -> None:
    await buried(api, 1)
    assert (await make(api, RESEND, all=True, hold=True))["rate"] == 10
    assert (await make(api, PURGE, all=True, hold=True))["rate"] is None


async def test_a_cancelled_job_moves_nothing_more_and_can_not_be_resumed(api: Api) -> None:
    await buried(api, 4)
    job = await make(api, PURGE, all=True, rate=4)
    assert await step(api)
    cancelled = (await api.post(f"/v1/jobs/{job['id']}/cancel")).json
    assert (cancelled["state"], cancelled["done"]) == ("cancelled", 1)
    await work_off(api)
    assert await api.count("dead_letters") == 3
    refused = await api.post(f"/v1/jobs/{job['id']}/resume")
    assert (refused.status, refused.json["code"], refused.json["jobState"]) == (409, "wrong_state", "cancelled")


async def test_what_went_elsewhere_meanwhile_is_skipped(api: Api) -> None:
    await buried(api, 3)
    job = await make(api, RESEND, all=True, hold=True)
    gone = (await api.get("/v1/dead-letters?limit=1")).json["data"][0]
    assert (await api.post(f"/v1/dead-letters/{gone['id']}/resend")).status == 202
    await api.post(f"/v1/jobs/{job['id']}/resume")
    await work_off(api)
    assert counts(await read(api, job)) == (3, 2, 1)
    assert await api.count("due") == 3


async def test_messages_that_wait_are_cancelled_by_filters(api: Api) -> None:
    waiting = [await api.create(to=f"n{index}", delay="1h") for index in range(4)]
    await retry_later(api.db, waiting[0])
    await claim(api.db, waiting[1])
    assert (await api.post(CANCEL, {"status": "retrying", "dryRun": True})).json["matched"] == 1
    assert counts(await done_by(api, CANCEL, {"status": "scheduled", "to": "n2"})) == (1, 1, 0)
    assert await places(api) == {"due": 2, "retries": 1, "dead_letters": 0, "cancellations": 1}
    assert counts(await done_by(api, CANCEL, {"all": True})) == (2, 2, 0)
    assert await places(api) == {"due": 1, "retries": 0, "dead_letters": 0, "cancellations": 3}, "one is being sent"


async def test_messages_that_wait_are_shifted_once_each_or_moved_to_a_moment(api: Api) -> None:
    planned = await api.create(deliverAt="2042-01-01T00:00:00Z")
    await api.create(deliverAt="2042-01-01T00:00:00Z", expiresAt="2042-01-01T00:30:00Z")
    assert counts(await done_by(api, RESCHEDULE, {"all": True, "shift": "1h"})) == (2, 1, 1), "one would expire"
    shown = (await api.get(f"/v1/messages/{planned['id']}")).json
    assert shown["deliverAt"].startswith("2042-01-01T01:00:00")
    body = {"createdBefore": "2041-01-01T00:00:00Z", "deliverAt": "2042-01-01T00:10:00Z"}
    assert counts(await done_by(api, RESCHEDULE, body)) == (2, 2, 0)
    due = await api.scalar("SELECT count(*) FROM due WHERE due_at = '2042-01-01T00:10:00Z'")
    assert due == 2
    for wrong in ({}, {"shift": "1h", "deliverAt": "2042-01-01T00:00:00Z"}, {"shift": "0s"}, {"shift": None}):
        assert (await api.post(RESCHEDULE, {"all": True, **wrong})).status == 422


async def test_the_same_idempotency_key_makes_one_job(api: Api) -> None:
    await buried(api, 1)
    body, headers = {"all": True, "hold": True}, {"Idempotency-Key": "once"}
    first, again = [await api.post(RESEND, body, headers=headers) for _ in range(2)]
    assert first.json["id"] == again.json["id"]
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    for path, other in ((RESEND, {**body, "rate": 5}), (PURGE, body)):
        reply = await api.post(path, other, headers=headers)
        assert (reply.status, reply.json["code"]) == (422, "idempotency_key_reused")


async def test_jobs_are_listed_by_state_and_kind_and_go_on_behind_a_cursor(api: Api) -> None:
    await buried(api, 1)
    made = [(await make(api, path, all=True, hold=True))["id"] for path in (RESEND, PURGE, RESEND)]
    assert (await make(api, CANCEL, all=True))["state"] == "done", "there was nothing to do"
    newest = (await api.get("/v1/jobs?limit=2&state=held")).json
    rest = (await api.get(f"/v1/jobs?limit=2&state=held&cursor={newest['nextCursor']}")).json
    assert [job["id"] for job in newest["data"] + rest["data"]] == made[::-1]
    assert rest["nextCursor"] is None
    assert [job["id"] for job in (await api.get("/v1/jobs?kind=dead-letters.purge")).json["data"]] == [made[1]]
    for wrong in ("state=new", "kind=import", "cursor=x"):
        assert (await api.get(f"/v1/jobs?{wrong}")).status == 422


async def test_there_are_not_too_many_unfinished_jobs_of_one_customer(api: Api) -> None:
    await buried(api, 1)
    for _ in range(20):
        await make(api, RESEND, customer="default", hold=True)
    refused = await api.post(RESEND, {"customer": "default"})
    assert (refused.status, refused.json["code"]) == (429, "too_many_jobs")
    await make(api, RESEND, all=True, hold=True)


async def test_a_key_of_one_customer_sees_and_makes_its_own_jobs(keyed: Api) -> None:
    api = keyed
    for name in ("acme", "other"):
        await create(api, id=name)
        await buried(api, 2, customer=name)
    reply = await api.post("/v1/keys", {"name": "own", "role": "admin", "customer": "acme"})
    own = {"X-API-Key": reply.json["secret"]}
    foreign = await make(api, PURGE, customer="other", hold=True)
    assert (await api.get(f"/v1/jobs/{foreign['id']}", headers=own)).status == 404
    assert (await api.post(f"/v1/jobs/{foreign['id']}/resume", headers=own)).status == 404
    job = await done_by(api, PURGE, {"all": True}, headers=own)
    assert (counts(job), job["customer"]) == ((2, 2, 0), "acme")
    assert [one["id"] for one in (await api.get("/v1/jobs", headers=own)).json["data"]] == [job["id"]]


async def test_a_key_sees_and_commands_the_jobs_that_its_scopes_could_make(keyed: Api) -> None:
    api = keyed
    await api.create(delay="1h")
    job = await make(api, CANCEL, all=True, hold=True)
    assert (await api.get("/v1/jobs", headers=LETTERS)).json["data"] == []
    assert (await api.post(f"/v1/jobs/{job['id']}/cancel", headers=LETTERS)).status == 404
    new = {"name": "reader", "scopes": ["messages:read", "dead-letters"]}
    reader = {"X-API-Key": (await api.post("/v1/keys", new)).json["secret"]}
    assert (await api.get(f"/v1/jobs/{job['id']}", headers=reader)).status == 200
    refused = await api.post(f"/v1/jobs/{job['id']}/cancel", headers=reader)
    assert (refused.status, refused.json["code"]) == (403, "missing_scope")


async def test_a_job_that_the_database_refuses_for_good_fails_and_holds_up_no_other(api: Api) -> None:
    await buried(api, 1, to="bad")
    await buried(api, 1, to="good")
    bad = await make(api, PURGE, to="bad")
    good = await make(api, PURGE, to="good")
    async with refusing(api.db, "dead_letters", "P0001", when="OLD.recipient = 'bad'"):
        assert await step(api)
        assert (await read(api, bad))["error"]
        assert await step(api)
        while await step(api):
            pass
        assert (await read(api, good))["done"] == 1
        for _ in range(4):
            await api.db.execute(b"UPDATE jobs SET next_step_at = now()")
            assert await step(api)
    assert (await read(api, bad))["state"] == "failed"
    await api.post(f"/v1/jobs/{bad['id']}/resume")
    await work_off(api)
    assert (await read(api, bad))["state"] == "done"


async def test_a_job_that_can_not_be_read_fails_and_holds_up_no_other(api: Api) -> None:
    """One of a newer version, say, whose reasons for a death this one does not know."""
    await buried(api, 2, to="jane")
    strange, good = await make(api, PURGE, reason="exhausted"), await make(api, PURGE, to="jane")
    await api.db.execute(b"""UPDATE jobs SET selection = '{"reason": "boredom"}' WHERE selection ? 'reason'""")
    assert await step(api)
    assert (await read(api, strange))["error"] == "ValueError"
    while await step(api):
        pass
    assert (await read(api, good))["done"] == 2
    for _ in range(4):
        await api.db.execute(b"UPDATE jobs SET next_step_at = now()")
        assert await step(api)
    assert (await read(api, strange))["state"] == "failed"


async def test_two_processes_never_take_the_same_step(api: Api) -> None:
    for index in range(60):
        await api.create(to=f"n{index}", deliverAt="2042-01-01T00:00:00Z")
    jobs = [await make(api, RESCHEDULE, all=True, shift="1h", rate=10_000) for _ in range(2)]
    await asyncio.gather(*(work_off(api) for _ in range(3)))
    assert [counts(await read(api, job)) for job in jobs] == [(60, 60, 0)] * 2
    assert await api.scalar("SELECT count(*) FROM due WHERE due_at = '2042-01-01T02:00:00Z'") == 60
