"""Who is let in: keys of the settings, and what they may do."""

from typing import Any

import pytest

from sendoff_domain.access import Scope
from support.api import api_settings, running_api


async def test_with_keys_only_who_has_one_gets_in(database: str) -> None:
    settings = api_settings(database, http={"apiKeys": ["the-first-secret-key", "the-second-secret-key"]})
    async with running_api(settings) as api:
        for headers in (
            {"Authorization": "Bearer the-first-secret-key"},
            {"Authorization": "bearer the-second-secret-key"},
            {"X-API-Key": "the-second-secret-key"},
        ):
            assert (await api.get("/v1/messages", headers=headers)).status == 200
        for headers in (
            {},
            {"X-API-Key": "a-third-secret-key"},
            {"Authorization": "Basic the-first-secret-key"},
            {"X-API-Key": ""},
        ):
            for path in ("/v1/messages", "/v1/stats", "/metrics", "/v1/nothing"):
                reply = await api.get(path, headers=headers)
                assert (reply.status, reply.json["code"]) == (401, "unauthorized")
                assert reply.headers["WWW-Authenticate"].startswith("Bearer")
        for path in ("/health/live", "/health/ready", "/openapi.json", "/asyncapi.json", "/swagger/index.html"):
            assert (await api.get(path, checked=False)).status == 200


async def test_without_a_key_only_what_is_declared_open_can_be_reached(database: str) -> None:
    """An open path opens neither a longer one nor another method of itself."""
    async with running_api(api_settings(database, http={"apiKeys": ["the-first-secret-key"]})) as api:
        for path in ("/swagger", "/swagger/", "/swagger/swagger-ui.css", "/favicon.ico"):
            assert (await api.get(path, checked=False)).status in (200, 302)
        assert (await api.call("HEAD", "/health/live", checked=False)).status == 200
        for path in ("/swaggerfoo", "/swagger/nothing", "/openapi.json2", "/health/", "/health/live/more"):
            assert (await api.get(path, checked=False)).status == 401
        assert (await api.post("/health/live", checked=False)).status == 401


async def test_nothing_is_stored_without_a_key(database: str) -> None:
    async with running_api(api_settings(database, http={"apiKeys": ["the-first-secret-key"]})) as api:
        assert (await api.post("/v1/messages", {"to": "a", "content": 1})).status == 401
        assert await api.count("messages") == 0


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def one_key(**fields: Any) -> dict[str, Any]:
    """The section http with one key."""
    return {"apiKeys": [{"name": "one", "secret": "a-secret-of-the-test", **fields}]}


@pytest.mark.parametrize("scope", Scope)
async def test_a_key_may_do_what_its_scopes_say_and_nothing_else(database: str, scope: Scope) -> None:
    needed = {
        ("GET", "/v1/messages"): {Scope.READ_MESSAGES},
        ("POST", "/v1/messages"): {Scope.WRITE_MESSAGES},
        ("GET", "/v1/dead-letters"): {Scope.DEAD_LETTERS, Scope.READ_MESSAGES},
        ("POST", "/v1/dead-letters/purge"): {Scope.DEAD_LETTERS},
        ("GET", "/v1/customers"): {Scope.CUSTOMERS},
        ("POST", "/v1/customers/default/pause"): {Scope.CUSTOMERS, Scope.CONTROL},
        ("POST", "/v1/scheduler/stop"): {Scope.CONTROL},
    }
    async with running_api(api_settings(database, http=one_key(scopes=[scope]))) as api:
        for (method, path), scopes in needed.items():
            reply = await api.call(method, path, headers=bearer("a-secret-of-the-test"))
            if scope is Scope.ADMIN or scope in scopes:
                assert reply.status not in (401, 403), (path, reply.body)
            else:
                assert (reply.status, reply.json["code"]) == (403, "missing_scope")
                assert set(reply.json["scopes"]) == scopes
                assert any(name in reply.json["detail"] for name in scopes)
                assert 'error="insufficient_scope"' in reply.headers["WWW-Authenticate"]


async def test_a_viewer_looks_and_an_operator_acts(database: str) -> None:
    roles = ("viewer", "operator", "admin")
    keys = [{"name": role, "secret": f"the-secret-of-the-{role}", "role": role} for role in roles]
    async with running_api(api_settings(database, http={"apiKeys": keys})) as api:
        statuses = {
            role: [
                (await api.get("/v1/messages", headers=bearer(f"the-secret-of-the-{role}"))).status,
                (await api.post("/v1/scheduler/stop", headers=bearer(f"the-secret-of-the-{role}"))).status,
            ]
            for role in roles
        }
    assert statuses == {"viewer": [200, 403], "operator": [200, 202], "admin": [200, 202]}


async def test_a_key_sends_so_many_requests_a_second_as_its_rate_allows(database: str) -> None:
    async with running_api(api_settings(database, http=one_key(role="viewer", rate=3))) as api:
        replies = [await api.get("/v1/retries", headers=bearer("a-secret-of-the-test")) for _ in range(60)]
        limited = [reply for reply in replies if reply.status == 429]
        assert limited
        assert {reply.status for reply in replies} == {200, 429}
        assert [reply.status for reply in replies[:3]] == [200, 200, 200]
        assert {(reply.json["code"], reply.headers["Retry-After"]) for reply in limited} == {("too_many_requests", "1")}
        assert (await api.get("/health/live", headers=bearer("a-secret-of-the-test"))).status == 200


async def test_a_key_that_is_presented_counts_even_where_none_is_needed(database: str) -> None:
    async with running_api(api_settings(database)) as api:
        assert (await api.get("/v1/messages")).status == 200
        for headers in (bearer("sok_unknown"), bearer(""), {"X-API-Key": ""}, {"X-API-Key": "\u00e9\u0080"}):
            assert (await api.get("/v1/messages", headers=headers)).status == 401


async def test_without_keys_in_the_settings_one_can_be_needed_all_the_same(database: str) -> None:
    async with running_api(api_settings(database, http={"open": "never"})) as api:
        assert (await api.get("/v1/messages")).status == 401
        assert (await api.get("/health/ready")).status == 200
