"""Imports: uploaded in pieces, each once; every good line is stored once, every other one is named."""

import asyncio
import io
import json
from typing import Any

import pytest

from sendoff_config.metrics.customer_labels import CustomerLabels
from sendoff_config.settings import PartitionSettings
from sendoff_http.web.keys import POOL
from sendoff_intake.accepted_messages import AcceptedMessages
from sendoff_intake.jobs.step import take_step
from sendoff_intake.jobs.unanswered import free_pieces
from support.api import Api, Reply, api_settings, running_api
from support.customers import create
from support.jobs import work_off
from support.refusals import refusing

IMPORT = "/v1/messages/import"
LINES = {"Content-Type": "application/x-ndjson"}


def lines(*messages: Any) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def message(number: int, **fields: Any) -> dict[str, Any]:
    return {"to": f"n{number}", "content": number, **fields}


async def begin(api: Api, **headers: str) -> dict[str, Any]:
    reply = await api.post(IMPORT, headers=headers)
    assert reply.status == 202, reply.body
    job: dict[str, Any] = reply.json
    return job


async def put(api: Api, job: dict[str, Any], number: int, text: bytes, **headers: str) -> Reply:
    path = f"/v1/jobs/{job['id']}/pieces/{number}"
    return await api.call("PUT", path, data=io.BytesIO(text), headers={**LINES, **headers})


async def read(api: Api, job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(f"/v1/jobs/{job['id']}")).json
    return found


async def done(api: Api, job: dict[str, Any]) -> dict[str, Any]:
    """The import at its end."""
    assert (await api.post(f"/v1/jobs/{job['id']}/resume")).status == 200
    await work_off(api)
    found = await read(api, job)
    assert (found["state"], found["progress"]) == ("done", 1.0), found
    return found


async def imported(api: Api, *messages: Any) -> dict[str, Any]:
    job = await begin(api)
    assert (await put(api, job, 0, lines(*messages))).status == 200
    return await done(api, job)


def counts(job: dict[str, Any]) -> tuple[int, int, int, int]:
    """Matched, done, skipped, rejected."""
    return job["matched"], job["done"], job["skipped"], job["rejected"]


async def test_what_is_uploaded_waits_until_it_is_resumed_and_is_stored_once(api: Api) -> None:
    job = await begin(api)
    assert (job["kind"], job["state"], job["matched"]) == ("messages.import", "held", 0)
    for piece in range(3):
        text = lines(*(message(10 * piece + number) for number in range(10)))
        assert (await put(api, job, piece, text)).json == {"number": piece, "items": 10, "lines": 10}
    await work_off(api)
    assert ((await read(api, job))["matched"], await api.count("messages")) == (30, 0)
    assert counts(await done(api, job)) == (30, 30, 0, 0)
    assert await api.scalar("SELECT count(DISTINCT recipient) FROM messages") == await api.count("due") == 30
    assert await api.count("job_pieces") == 0
    assert await api.scalar("SELECT held_bytes FROM jobs") == 0


async def test_every_bad_line_is_named_with_its_number_and_its_mistakes_and_the_rest_is_stored(api: Api) -> None:
    job = await begin(api)
    text = b"\n" + lines(message(1)) + b"\nno json\n" + lines({"to": "x", "content": 1, "delay": "soon"})
    assert (await put(api, job, 0, text)).json["lines"] == 5
    second = lines(message(2), message(3, customer="nobody"), message(4, idempotencyKey=7), message(5))
    assert (await put(api, job, 1, second)).status == 200
    assert counts(await done(api, job)) == (7, 3, 0, 4)
    refused = (await api.get(f"/v1/jobs/{job['id']}/rejections")).json
    found = [(one["line"], one["code"], [error["pointer"] for error in one["errors"]]) for one in refused["data"]]
    assert found == [
        (4, "not_json", []),
        (5, "invalid", ["/delay"]),
        (7, "invalid", ["/customer"]),
        (8, "invalid", ["/idempotencyKey"]),
    ]
    assert refused["rejected"] == 4


async def test_of_very_many_bad_lines_the_first_hundred_are_listed(api: Api) -> None:
    job = await begin(api)
    for piece in range(2):
        assert (await put(api, job, piece, b"no json\n" * 80)).status == 200
    assert counts(await done(api, job)) == (160, 0, 0, 160)
    refused = (await api.get(f"/v1/jobs/{job['id']}/rejections")).json
    assert ([one["line"] for one in refused["data"]], refused["rejected"]) == ([*range(1, 101)], 160)


async def test_lines_with_keys_are_stored_once_however_often_they_are_imported(api: Api) -> None:
    keyed = [message(number, idempotencyKey=f"order {number}") for number in range(3)]
    assert counts(await imported(api, *keyed)) == (3, 3, 0, 0)
    assert counts(await imported(api, *keyed, message(3, idempotencyKey="order 3"))) == (4, 1, 3, 0)
    changed = await imported(api, message(9, idempotencyKey="order 1"))
    assert counts(changed) == (1, 0, 0, 1)
    reply = await api.post("/v1/messages", message(2), headers={"Idempotency-Key": "order 2"})
    assert reply.headers["Idempotency-Replayed"] == "true", "it is the key of a request, too"
    assert await api.count("messages") == 4


async def test_a_key_within_the_content_is_content(api: Api) -> None:
    await imported(api, {"to": "a", "content": {"idempotencyKey": 1, "n": 12345678901234567890}})
    found = (await api.get("/v1/messages?to=a")).json["data"][0]
    assert found["content"] == {"idempotencyKey": 1, "n": 12345678901234567890}
    assert await api.count("idempotency_keys") == 0


async def test_the_same_piece_may_be_sent_again_another_one_in_its_place_not(api: Api) -> None:
    job = await begin(api)
    for _ in range(2):
        assert (await put(api, job, 0, lines(message(0)))).status == 200
    for number, code in ((0, "piece_differs"), (2, "piece_out_of_order")):
        refused = await put(api, job, number, lines(message(5)))
        assert (refused.status, refused.json["code"]) == (409, code)
    assert (await read(api, job))["matched"] == 1
    assert counts(await done(api, job)) == (1, 1, 0, 0)
    late = await put(api, job, 1, lines(message(1)))
    assert (late.status, late.json["code"], late.json["jobState"]) == (409, "wrong_state", "done")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"", 422),
        (b"\n \n", 422),
        (b"{}\n" * 501, 422),
        (b"\n" * 100_001 + b"{}", 422),
        (b"x" * (4 * 1024**2 + 1), 413),
    ],
    ids=["nothing", "blank", "too-many", "too-many-lines", "too-large"],
)
async def test_a_piece_has_its_limits(api: Api, text: bytes, status: int) -> None:
    job = await begin(api)
    assert (await put(api, job, 0, text)).status == status
    assert (await put(api, job, 2_000, lines(message(1)))).status == 422
    assert (await api.call("PUT", f"/v1/jobs/{job['id']}/pieces/x", data=b"{}", headers=LINES)).status == 422
    assert await api.count("job_pieces") == 0


async def test_what_imports_hold_has_its_limit(api: Api) -> None:
    job = await begin(api)
    await api.db.execute(b"UPDATE jobs SET held_bytes = 512 * 1024 * 1024")
    refused = await put(api, job, 0, lines(message(1)))
    assert (refused.status, refused.json["code"]) == (413, "imports_full")
    assert await api.count("job_pieces") == 0


async def test_pieces_are_for_imports_alone(api: Api) -> None:
    await api.create(delay="1h")
    job = (await api.post("/v1/messages/cancel", {"all": True, "hold": True})).json
    refused = await put(api, job, 0, lines(message(1)))
    assert (refused.status, refused.json["code"]) == (409, "wrong_state")


async def test_an_import_that_is_cancelled_stores_nothing_more_and_frees_what_it_held(api: Api) -> None:
    job = await begin(api)
    for piece in range(3):
        await put(api, job, piece, lines(message(piece)))
    await api.post(f"/v1/jobs/{job['id']}/resume")
    pool = api.runner.app[POOL]
    assert await take_step(pool, PartitionSettings())
    assert (await api.post(f"/v1/jobs/{job['id']}/cancel")).json["done"] == 1
    await work_off(api)
    await free_pieces(pool)
    assert (await api.count("messages"), await api.count("job_pieces")) == (1, 0)
    assert await api.scalar("SELECT held_bytes FROM jobs") == 0


async def test_where_a_backlog_is_full_the_import_waits_for_room(api: Api) -> None:
    await create(api, id="acme", limits={"backlog": 3})
    job = await begin(api)
    await put(api, job, 0, lines(*(message(number, customer="acme") for number in range(5)), message(5)))
    await api.post(f"/v1/jobs/{job['id']}/resume")
    pool = api.runner.app[POOL]
    assert await take_step(pool, PartitionSettings())
    waiting = await read(api, job)
    assert (waiting["state"], waiting["done"]) == ("running", 3)
    assert "the backlog of customer 'acme' is full" in waiting["error"]
    await api.db.execute(b"DELETE FROM due WHERE customer_id = 'acme'")
    await api.db.execute(b"UPDATE jobs SET next_step_at = now()")
    await work_off(api)
    assert counts(await read(api, job)) == (6, 6, 0, 0)
    assert await api.scalar("SELECT count(DISTINCT recipient) FROM messages") == await api.count("messages") == 6


async def test_a_message_that_the_database_refuses_holds_back_no_other(api: Api) -> None:
    async with refusing(api.db, "messages", "22000", when="NEW.recipient = 'n1'", on="INSERT"):
        job = await imported(api, *(message(number) for number in range(4)))
    assert counts(job) == (4, 3, 0, 1)
    refused = (await api.get(f"/v1/jobs/{job['id']}/rejections")).json["data"]
    assert [(one["line"], one["code"]) for one in refused] == [(2, "internal_error")]


async def test_several_processes_store_each_line_once_and_count_it_once(api: Api) -> None:
    jobs = [await begin(api) for _ in range(2)]
    for job in jobs:
        for piece in range(20):
            await put(api, job, piece, lines(*(message(number) for number in range(20))))
        await api.post(f"/v1/jobs/{job['id']}/resume")
    counted = AcceptedMessages(CustomerLabels(10))

    async def work() -> None:
        while await api.scalar("SELECT count(*) FROM jobs WHERE state = 'running'"):
            await take_step(api.runner.app[POOL], PartitionSettings(), counted)
            await asyncio.sleep(0)

    await asyncio.gather(*(work() for _ in range(3)))
    assert [counts(await read(api, job)) for job in jobs] == [(400, 400, 0, 0)] * 2
    assert await api.count("messages") == counted.total == 800


async def test_the_same_key_is_the_same_import(api: Api) -> None:
    first, again = [await begin(api, **{"Idempotency-Key": "once"}) for _ in range(2)]
    assert first["id"] == again["id"]
    taken = await api.post("/v1/messages/cancel", {"all": True}, headers={"Idempotency-Key": "once"})
    assert (taken.status, taken.json["code"]) == (422, "idempotency_key_reused")


async def test_a_key_of_one_customer_imports_its_own_messages_only(database: str) -> None:
    root = {"X-API-Key": "the-secret-of-the-root-of-it-all"}
    keys = [{"name": "root", "secret": root["X-API-Key"], "role": "admin"}]
    async with running_api(api_settings(database, http={"apiKeys": keys})) as api:
        api.session.headers.update(root)
        for name in ("acme", "other"):
            await create(api, id=name)
        reply = await api.post("/v1/keys", {"name": "own", "role": "admin", "customer": "acme"})
        api.session.headers.update({"X-API-Key": reply.json["secret"]})
        job = await imported(api, message(1), message(2, customer="acme"), message(3, customer="other"))
        assert (counts(job), job["customer"]) == ((3, 2, 0, 1), "acme")
        assert await api.scalar("SELECT count(*) FROM messages WHERE customer_id = 'acme'") == 2
        api.session.headers.update(root)
        foreign = await begin(api)
        api.session.headers.update({"X-API-Key": reply.json["secret"]})
        assert (await put(api, foreign, 0, lines(message(1)))).status == 404
