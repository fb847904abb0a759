"""API keys of the database: made, used, listed and revoked."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from sendoff_domain.access import key_digest
from sendoff_http.web import key_cache
from support.api import Api, api_settings, running_api
from support.waiting import eventually

ADMIN = {"Authorization": "Bearer the-secret-of-an-admin"}
SETTINGS = {"apiKeys": [{"name": "root", "secret": "the-secret-of-an-admin", "role": "admin"}]}


async def make(api: Api, **fields: Any) -> dict[str, Any]:
    """A new key, with its secret."""
    reply = await api.post("/v1/keys", {"name": "test", **fields}, headers=ADMIN)
    assert reply.status == 201, reply.body
    assert reply.headers["Location"] == f"/v1/keys/{reply.json['id']}"
    assert reply.headers["Cache-Control"] == "no-store"
    key: dict[str, Any] = reply.json
    return key


def bearer(key: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {key['secret']}"}


async def test_a_secret_is_shown_once_and_stored_as_a_digest(database: str) -> None:
    async with running_api(api_settings(database, http=SETTINGS)) as api:
        key = await make(api, role="viewer")
        rest = key["secret"].removeprefix(key["prefix"])
        assert len(rest) > 40
        for path in ("/v1/keys", f"/v1/keys/{key['id']}", "/v1/audit"):
            shown = await api.get(path, headers=ADMIN)
            assert shown.status == 200
            assert rest.encode() not in shown.body
        assert await api.scalar("SELECT digest FROM api_keys") == key_digest(key["secret"])
        for table in ("api_keys", "audit"):
            assert rest not in await api.scalar(f"SELECT json_agg({table})::text FROM {table}")


@pytest.fixture
def long_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are read once, however slow the machine is."""
    monkeypatch.setattr(key_cache, "_FRESH", 3600.0)


@pytest.mark.usefixtures("long_kept")
async def test_a_key_works_at_once_and_is_worthless_once_it_is_revoked(database: str) -> None:
    async with running_api(api_settings(database, http=SETTINGS)) as api:
        key = await make(api, role="viewer")
        assert (await api.get("/v1/messages", headers=bearer(key))).status == 200
        assert (await api.post("/v1/messages", {"to": "a", "content": 1}, headers=bearer(key))).status == 403
        for _ in range(2):
            assert (await api.call("DELETE", f"/v1/keys/{key['id']}", headers=ADMIN)).status == 204
        assert (await api.get("/v1/messages", headers=bearer(key))).status == 401
        (shown,) = (await api.get("/v1/keys", headers=ADMIN)).json["data"]
        assert shown["revokedAt"] is not None


async def test_what_another_process_revokes_is_worthless_within_seconds(database: str) -> None:
    async with running_api(api_settings(database, http=SETTINGS)) as api:
        key = await make(api, role="viewer")
        assert (await api.get("/v1/messages", headers=bearer(key))).status == 200
        await api.db.execute(b"UPDATE api_keys SET revoked_at = now()")

        async def refused() -> bool:
            return (await api.get("/v1/messages", headers=bearer(key))).status == 401

        await eventually(refused, "the key is refused", timeout=20)


@pytest.mark.usefixtures("long_kept")
async def test_a_key_that_was_used_lately_needs_no_query(database: str) -> None:
    async with running_api(api_settings(database, http=SETTINGS)) as api:
        key = await make(api, role="viewer")
        await api.get("/v1/messages", headers=bearer(key))
        await api.db.execute(b"DROP TABLE api_keys")  # who asks now fails
        for _ in range(5):
            assert (await api.get("/v1/messages", headers=bearer(key))).status == 200


async def test_an_expired_key_is_refused_and_one_that_ends_in_the_past_is_not_made(database: str) -> None:
    async with running_api(api_settings(database, http=SETTINGS)) as api:
        key = await make(api, role="viewer", expiresAt=(datetime.now(UTC) + timedelta(days=1)).isoformat())
        await api.db.execute(b"UPDATE api_keys SET expires_at = now()")
        assert (await api.get("/v1/messages", headers=bearer(key))).status == 401
        past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
        reply = await api.post("/v1/keys", {"name": "late", "role": "viewer", "expiresAt": past}, headers=ADMIN)
        assert (reply.status, reply.pointers) == (422, ["/expiresAt"])


async def test_the_last_use_is_written_once_a_minute_at_most(database: str) -> None:
    async with running_api(api_settings(database, http=SETTINGS)) as api:
        key = await make(api, role="viewer")
        assert (await api.get(f"/v1/keys/{key['id']}", headers=ADMIN)).json["lastUsedAt"] is None
        await api.get("/v1/messages", headers=bearer(key))
        first = (await api.get(f"/v1/keys/{key['id']}", headers=ADMIN)).json["lastUsedAt"]
        assert first is not None
        for written, age in ((False, "1 second"), (True, "61 seconds")):
            before = f"UPDATE api_keys SET last_used_at = now() - interval '{age}' RETURNING last_used_at"
            moment = await api.scalar(before)
            async with running_api(api_settings(database, http=SETTINGS), prepare=False) as other:
                assert (await other.get("/v1/messages", headers=bearer(key))).status == 200
            assert (await api.scalar("SELECT last_used_at FROM api_keys") != moment) == written


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({}, ""),
        ({"role": "viewer", "scopes": ["control"]}, ""),
        ({"scopes": []}, ""),
        ({"role": "god"}, "/role"),
        ({"scopes": ["messages:delete"]}, "/scopes/0"),
        ({"role": "viewer", "name": ""}, "/name"),
        ({"role": "viewer", "name": "line\nbreak"}, "/name"),
        ({"role": "viewer", "customer": "nobody"}, "/customer"),
        ({"role": "viewer", "rate": 0}, "/rate"),
        ({"role": "viewer", "secret": "my-own-secret-of-a-key"}, "/secret"),
    ],
)
async def test_what_is_no_key_is_not_made(database: str, fields: dict[str, Any], pointer: str) -> None:
    async with running_api(api_settings(database, http=SETTINGS)) as api:
        reply = await api.post("/v1/keys", {"name": "test", **fields}, headers=ADMIN)
        assert (reply.status, reply.pointers) == (422, [pointer])
        assert await api.count("api_keys") == 0


async def test_keys_are_listed_page_by_page_the_newest_first(database: str) -> None:
    async with running_api(api_settings(database, http=SETTINGS)) as api:
        made = [(await make(api, role="viewer"))["id"] for _ in range(5)]
        page = (await api.get("/v1/keys?limit=3", headers=ADMIN)).json
        rest = (await api.get(f"/v1/keys?limit=3&cursor={page['nextCursor']}", headers=ADMIN)).json
        assert [key["id"] for key in page["data"] + rest["data"]] == sorted(made, reverse=True)
        assert rest["nextCursor"] is None
        for cursor in ("x", "a2tleV8AAA", page["nextCursor"][:-1]):
            assert (await api.get(f"/v1/keys?cursor={cursor}", headers=ADMIN)).status == 422


async def test_an_unknown_key_is_not_found(database: str) -> None:
    async with running_api(api_settings(database, http=SETTINGS)) as api:
        for key_id in ("key_" + "0" * 32, "nothing", "%00", "key_%00"):
            for method in ("GET", "DELETE"):
                reply = await api.call(method, f"/v1/keys/{key_id}", headers=ADMIN)
                assert (reply.status, reply.json["code"]) == (404, "key_not_found")


async def test_a_key_goes_with_its_customer_and_is_not_the_next_ones(database: str) -> None:
    async with running_api(api_settings(database, http=SETTINGS)) as api:
        acme = {"id": "acme", "webhookUrl": "https://93.184.216.34/"}
        assert (await api.post("/v1/customers", acme, headers=ADMIN)).status == 201
        key = await make(api, role="operator", customer="acme")
        assert (await api.get("/v1/messages", headers=bearer(key))).status == 200
        assert (await api.call("DELETE", "/v1/customers/acme", headers=ADMIN)).status == 204
        assert (await api.post("/v1/customers", acme, headers=ADMIN)).status == 201
        assert await api.count("api_keys") == 0


async def test_the_line_of_a_request_names_its_key(database: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    settings = api_settings(database, http=SETTINGS, logging={"format": "json"})
    async with running_api(settings) as api:
        key = await make(api, role="viewer")
        capfdbinary.readouterr()
        for name, headers in (("mine", bearer(key)), ("roots", ADMIN), ("nobodys", {})):
            await api.get("/v1/messages", headers={**headers, "X-Request-Id": name})
        lines = [json.loads(line) for line in capfdbinary.readouterr().err.splitlines() if b'"request"' in line]
    keys = {line["request_id"]: line["key"] for line in lines}
    assert keys == {"mine": key["id"], "roots": "config:root", "nobodys": None}


async def test_the_audit_is_only_added_to(database: str) -> None:
    async with running_api(api_settings(database, http=SETTINGS)) as api:
        await make(api, role="viewer")
        for statement in (b"UPDATE audit SET actor = 'nobody'", b"DELETE FROM audit", b"TRUNCATE audit"):
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
                await api.db.execute(statement)
        assert await api.count("audit") == 1
