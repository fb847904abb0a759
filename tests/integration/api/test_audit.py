"""Who did what: written down with what was done, and shown page by page."""

import json
from typing import Any

import pytest

from support.api import Api, api_settings, running_api
from support.jobs import work_off

SETTINGS = {"apiKeys": [{"name": "jane", "secret": "the-secret-key-of-jane", "role": "admin"}]}
JANE = {"Authorization": "Bearer the-secret-key-of-jane"}
URL = "https://93.184.216.34/"


@pytest.fixture
async def api(database: str) -> Any:
    async with running_api(api_settings(database, http=SETTINGS, logging={"format": "json"})) as running:
        yield running


async def audit(api: Api, query: str = "") -> list[dict[str, Any]]:
    """What was done, the latest first."""
    deeds: list[dict[str, Any]] = (await api.get(f"/v1/audit{query}", headers=JANE)).json["data"]
    return deeds


async def bury(api: Api, count: int) -> list[str]:
    """Dead letters of the default customer."""
    ids = [(await api.post("/v1/messages", {"to": "a", "content": 1}, headers=JANE)).json["id"] for _ in range(count)]
    await api.db.execute(
        b"INSERT INTO dead_letters SELECT id, customer_id, recipient, payload, deliver_at, NULL, created_at, NULL,"
        b" now(), 'exhausted', 1, 0, 1, 'x', '[]', incarnation FROM messages"
    )
    await api.db.execute(b"DELETE FROM due")
    return ids


async def test_starts_stops_and_changes_are_written_down_with_who_made_them(api: Api) -> None:
    headers = {**JANE, "X-Request-Id": "of-the-test"}
    for method, path, body in (
        ("POST", "/v1/scheduler/stop", {"reason": "maintenance", "requestedBy": "the night shift"}),
        ("POST", "/v1/scheduler/start", {}),
        ("POST", "/v1/customers", {"id": "acme", "webhookUrl": URL, "headers": {"Authorization": "hushed"}}),
        ("PATCH", "/v1/customers/acme", {"name": "Acme", "headers": {"X-Token": "hushed"}}),
        ("PATCH", "/v1/customers/acme", {"name": "Acme"}),  # changes nothing
        ("POST", "/v1/customers/acme/pause", {}),
        ("POST", "/v1/customers/acme/rotate-secret", {"grace": "1h"}),
        ("DELETE", "/v1/customers/acme", None),
        ("DELETE", "/v1/customers/acme", None),  # there is none any more
        ("POST", "/v1/keys", {"name": "ci", "role": "viewer"}),
    ):
        await api.call(method, path, headers=headers, json=body)
    deeds = await audit(api)
    assert {(deed["actor"], deed["requestId"]) for deed in deeds} == {("config:jane", "of-the-test")}
    assert [(deed["action"], deed["target"], deed["customer"]) for deed in reversed(deeds[1:])] == [
        ("stop", "global", None),
        ("start", "global", None),
        ("customer.create", "acme", "acme"),
        ("customer.update", "acme", "acme"),
        ("stop", "acme", "acme"),
        ("customer.rotate-secret", "acme", "acme"),
        ("customer.delete", "acme", "acme"),
    ]
    assert deeds[0]["action"] == "key.create"
    by_action = {deed["action"]: deed["details"] for deed in deeds}
    assert by_action["customer.update"] == {"changed": ["name", "headers"]}
    assert deeds[-1]["details"]["requestedBy"] == "the night shift"
    assert "hushed" not in json.dumps(deeds)


async def test_what_is_sent_again_or_deleted_is_written_down_with_its_number(api: Api) -> None:
    ids = await bury(api, 5)
    for method, path, body in (
        ("POST", f"/v1/dead-letters/{ids[0]}/resend", None),
        ("DELETE", f"/v1/dead-letters/{ids[1]}", None),
        ("POST", f"/v1/messages/{ids[2]}/resend", None),
        ("POST", f"/v1/messages/{ids[2]}/resend", None),  # it is on its way already
        ("POST", "/v1/dead-letters/purge", {"all": True, "dryRun": True}),
        ("POST", "/v1/dead-letters/purge", {"all": True}),
        ("POST", "/v1/dead-letters/purge", {"all": True}),  # there is nothing left
    ):
        await api.call(method, path, headers=JANE, json=body)
        await work_off(api)
    first, second = [job["id"] for job in reversed((await api.get("/v1/jobs", headers=JANE)).json["data"])]
    found = [(deed["action"], deed["target"], deed["customer"], deed["details"]) for deed in reversed(await audit(api))]
    kind = "dead-letters.purge"
    assert found == [
        ("dead-letter.resend", ids[0], "default", {"count": 1}),
        ("dead-letter.delete", ids[1], "default", {}),
        ("message.resend", ids[2], "default", {"count": 1}),
        ("job.create", first, None, {"kind": kind, "matched": 2, "state": "running"}),
        (kind, first, None, {"count": 2, "skipped": 0, "state": "done"}),
        ("job.create", second, None, {"kind": kind, "matched": 0, "state": "done"}),
    ]


async def test_a_deed_that_fails_is_not_written_down(api: Api) -> None:
    await api.db.execute(b"ALTER TABLE audit ADD CHECK (action <> 'customer.create')")
    reply = await api.post("/v1/customers", {"id": "acme", "webhookUrl": URL}, headers=JANE)
    assert reply.status == 500
    assert (await api.get("/v1/customers/acme", headers=JANE)).status == 404
    assert await audit(api) == []


async def test_the_audit_is_filtered_and_goes_on_behind_its_cursor(api: Api) -> None:
    for _ in range(3):
        await api.post("/v1/scheduler/stop", headers=JANE)
        await api.post("/v1/scheduler/start", headers=JANE)
    await api.post("/v1/customers/default/pause", headers=JANE)
    assert len(await audit(api, "?action=start")) == 3
    assert [deed["target"] for deed in await audit(api, "?customer=default")] == ["default"]
    assert len(await audit(api, "?target=global&actor=config%3Ajane")) == 6
    assert await audit(api, "?actor=nobody") == []
    moment = (await audit(api))[2]["happenedAt"]
    assert len(await audit(api, f"?happenedAfter={moment}")) == 3
    assert len(await audit(api, f"?happenedBefore={moment}")) == 4
    first = (await api.get("/v1/audit?limit=4", headers=JANE)).json
    rest = (await api.get(f"/v1/audit?limit=4&cursor={first['nextCursor']}", headers=JANE)).json
    assert [deed["id"] for deed in first["data"] + rest["data"]] == [deed["id"] for deed in await audit(api)]
    assert rest["nextCursor"] is None
    for cursor in ("x", "YQ", "Yf__________", first["nextCursor"] + "AAAA"):
        assert (await api.get(f"/v1/audit?cursor={cursor}", headers=JANE)).status == 422


async def test_a_deed_is_a_line_in_the_log(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    await api.post("/v1/customers", {"id": "acme", "webhookUrl": URL}, headers=JANE)
    (line,) = [line for line in capfd.readouterr().out.splitlines() if "customer.create" in line]
    for said in ("config:jane", "acme"):
        assert said in line


async def test_who_comes_without_a_key_is_anonymous(database: str) -> None:
    async with running_api(api_settings(database)) as api:
        await api.post("/v1/scheduler/stop")
        (deed,) = (await api.get("/v1/audit")).json["data"]
        assert (deed["actor"], deed["action"]) == ("anonymous", "stop")
