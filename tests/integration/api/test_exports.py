"""Exports: messages as they are shown, each once and the oldest first, in pieces that are kept for a day."""

import asyncio
import json
from typing import Any

from sendoff_config.settings import PartitionSettings
from sendoff_http.web.keys import POOL
from sendoff_intake.jobs.step import take_step
from sendoff_intake.jobs.unanswered import free_pieces
from support.api import Api, api_settings, running_api
from support.customers import create
from support.jobs import counts, done_by, work_off
from support.places import bury, deliver

EXPORT = "/v1/messages/export"


async def lines(api: Api, job: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    """All messages of an export."""
    texts = []
    for number in range(job["pieces"]):
        reply = await api.get(f"/v1/jobs/{job['id']}/pieces/{number}", **options)
        assert (reply.status, reply.headers["Content-Type"]) == (200, "application/x-ndjson")
        texts += reply.body.splitlines()
    return [json.loads(text) for text in texts]


async def shown(api: Api, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    return [(await api.get(f"/v1/messages/{one['id']}")).json for one in messages]


async def test_messages_are_exported_as_they_are_shown_wherever_they_are(api: Api) -> None:
    made = [await api.create(to=f"n{number}", content={"n": number}, reference="r1") for number in range(4)]
    await deliver(api.db, made[1])
    await bury(api.db, made[2])
    job = await done_by(api, EXPORT, {"all": True})
    assert counts(job) == (4, 4, 0)
    assert await lines(api, job) == await shown(api, *made)
    only_dead = await done_by(api, EXPORT, {"reference": "r1", "status": "dead"})
    assert (counts(only_dead), await lines(api, only_dead)) == ((4, 1, 3), await shown(api, made[2]))
    assert counts(await done_by(api, EXPORT, {"to": "nobody"})) == (0, 0, 0)
    assert (await api.post(EXPORT, {"customer": "default", "dryRun": True})).json["matched"] == 4
    assert (await api.post(EXPORT, {})).status == 422


async def test_many_messages_are_in_several_pieces_each_once_whoever_takes_the_steps(api: Api) -> None:
    batch = [{"to": f"n{number}", "content": number} for number in range(350)]
    await api.post("/v1/messages/batch", batch)
    reply = await api.post(EXPORT, {"all": True})

    async def work() -> None:
        while await api.scalar("SELECT count(*) FROM jobs WHERE state = 'running'"):
            await take_step(api.runner.app[POOL], PartitionSettings())
            await asyncio.sleep(0.01)

    await asyncio.gather(*(work() for _ in range(3)))
    job = (await api.get(reply.headers["Location"])).json
    assert (job["state"], job["pieces"], job["done"]) == ("done", 4, 350)
    ids = [one["id"] for one in await lines(api, job)]
    assert ids == sorted(set(ids))
    assert len(ids) == 350


async def test_what_an_export_has_made_is_gone_after_a_day(api: Api) -> None:
    await api.create()
    job = await done_by(api, EXPORT, {"all": True})
    assert job["expiresAt"] is not None
    pool = api.runner.app[POOL]
    await free_pieces(pool)
    assert len(await lines(api, job)) == 1
    await api.db.execute(b"UPDATE jobs SET finished_at = finished_at - interval '1 day'")
    await free_pieces(pool)
    gone = await api.get(f"/v1/jobs/{job['id']}/pieces/0")
    assert (gone.status, gone.json["code"]) == (404, "piece_not_found")
    assert await api.scalar("SELECT held_bytes FROM jobs") == 0
    assert (await api.get(f"/v1/jobs/{job['id']}/pieces/x")).status == 404


async def test_an_export_that_has_no_room_fails_with_its_reason_and_can_be_resumed(api: Api) -> None:
    await api.create()
    job = (await api.post(EXPORT, {"all": True, "hold": True})).json
    await api.db.execute(b"UPDATE jobs SET held_bytes = 512 * 1024 * 1024")
    await api.post(f"/v1/jobs/{job['id']}/resume")
    await work_off(api)
    failed = (await api.get(f"/v1/jobs/{job['id']}")).json
    assert (failed["state"], "more than 512 MiB" in failed["error"]) == ("failed", True)
    await api.db.execute(b"UPDATE jobs SET held_bytes = 0")
    await api.post(f"/v1/jobs/{job['id']}/resume")
    await work_off(api)
    assert len(await lines(api, (await api.get(f"/v1/jobs/{job['id']}")).json)) == 1


async def test_a_key_of_one_customer_that_may_read_exports_its_own_and_nothing_else(database: str) -> None:
    root = {"X-API-Key": "the-secret-of-the-root-of-it-all"}
    keys = [{"name": "root", "secret": root["X-API-Key"], "role": "admin"}]
    async with running_api(api_settings(database, http={"apiKeys": keys})) as api:
        api.session.headers.update(root)
        for name in ("acme", "other"):
            await create(api, id=name)
            await api.create(customer=name)
        new = {"name": "own", "scopes": ["messages:read"], "customer": "acme"}
        own = {"X-API-Key": (await api.post("/v1/keys", new)).json["secret"]}
        job = await done_by(api, EXPORT, {"all": True}, headers=own)
        assert [one["customer"] for one in await lines(api, job, headers=own)] == ["acme"]
        foreign = await done_by(api, EXPORT, {"customer": "other"})
        assert (await api.get(f"/v1/jobs/{foreign['id']}/pieces/0", headers=own)).status == 404
        held = (await api.post(EXPORT, {"all": True, "hold": True}, headers=own)).json
        assert (await api.post(f"/v1/jobs/{held['id']}/cancel", headers=own)).status == 200
        assert (await api.post("/v1/messages/cancel", {"all": True}, headers=own)).status == 403
