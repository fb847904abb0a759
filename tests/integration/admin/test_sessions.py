"""Who gets in: sessions are opened with a key, end with it, and no other site's page can use them."""

import re

import pytest

from support.admin_client import ADMIN_KEYS, visiting
from support.api import Api, api_settings, running_api


async def test_without_a_session_every_page_leads_to_the_log_in(api: Api) -> None:
    async with visiting(api.url) as nobody:
        for path in ("/admin/", "/admin/fleet", "/admin/live", "/admin/audit"):
            shown = await nobody.open(path)
            assert (shown.status, shown.headers["Location"]) == (303, f"/admin/login?next={path}")


async def test_a_wrong_secret_opens_nothing_and_is_not_shown(api: Api) -> None:
    async with visiting(api.url) as nobody:
        await nobody.open("/admin/login")
        shown = await nobody.send("/admin/login", secret="not-the-secret-of-anybody")
        assert shown.status == 403
        assert "not-the-secret" not in shown.text
        assert (await nobody.open("/admin/")).status == 303


async def test_after_the_log_in_follows_the_page_that_was_asked_for_and_no_other_site(api: Api) -> None:
    wanted = {
        "/admin/fleet?x=1": "/admin/fleet?x=1",
        "//evil.example": "/admin/",
        "https://evil.example/admin/": "/admin/",
        "/admin/\\evil": "/admin/",
        "/admin/login": "/admin/",
    }
    for asked, followed in wanted.items():
        async with visiting(api.url) as client:
            await client.open("/admin/login")
            secret = "viewer-secret-of-many-letters"
            shown = await client.send("/admin/login", follow=False, secret=secret, next=asked)
            assert (shown.status, shown.headers["Location"]) == (303, followed)


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites_and_holds_no_secret(api: Api) -> None:
    async with visiting(api.url) as client:
        await client.open("/admin/login")
        shown = await client.send("/admin/login", follow=False, secret="viewer-secret-of-many-letters")
        (cookie,) = (line for line in shown.headers.getall("Set-Cookie") if "sendoff_session" in line)  # type: ignore[attr-defined]
        assert {"HttpOnly", "SameSite=Lax", "Path=/admin"} <= set(cookie.split("; "))
        assert "secret" not in cookie


async def test_a_revoked_key_ends_its_session_at_the_next_request(api: Api) -> None:
    made = (await api.post("/v1/keys", {"name": "jane", "role": "viewer"})).json
    async with visiting(api.url) as jane:
        await jane.open("/admin/login")
        assert (await jane.send("/admin/login", secret=made["secret"])).status == 200
        assert (await jane.open("/admin/fleet")).status == 200
        await api.call("DELETE", f"/v1/keys/{made['id']}")
        assert (await jane.open("/admin/fleet")).status == 303


async def test_a_forged_or_altered_cookie_is_nobodys_session(api: Api) -> None:
    async with visiting(api.url, "viewer") as viewer:
        cookie = next(one.value for one in viewer.session.cookie_jar if one.key == "sendoff_session")
    for forged in ("", "x", "a" * 200, cookie[:-4] + "AAAA", cookie.swapcase()):
        async with visiting(api.url) as stranger:
            stranger.session.cookie_jar.update_cookies({"sendoff_session": forged})
            assert (await stranger.open("/admin/fleet")).status == 303


async def test_another_process_of_the_fleet_knows_the_session(api: Api, database: str) -> None:
    settings = api_settings(database, http={"apiKeys": ADMIN_KEYS})
    async with running_api(settings, prepare=False) as other, visiting(api.url, "viewer") as viewer:
        viewer.url = other.url
        assert (await viewer.open("/admin/fleet")).status == 200


async def test_a_form_without_our_token_or_from_another_site_changes_nothing(api: Api) -> None:
    async with visiting(api.url, "operator") as operator:
        await operator.open("/admin/fleet")
        good, operator.token = operator.token, "0" * 64
        assert (await operator.send("/admin/fleet/stop")).status == 403
        operator.token = good
        headers = {"Origin": "https://evil.example"}
        operator.session.headers.update(headers)
        assert (await operator.send("/admin/fleet/stop")).status == 403
        del operator.session.headers["Origin"]
        assert (await api.get("/v1/scheduler")).json["desired"] == "running"
        assert "The fleet is stopped" in (await operator.send("/admin/fleet/stop")).text
        assert (await api.get("/v1/scheduler")).json["desired"] == "stopped"


async def test_on_loopback_without_keys_the_pages_open_as_operator(database: str) -> None:
    async with running_api(api_settings(database)) as api, visiting(api.url) as person:
        assert (await person.open("/admin/fleet")).status == 200
        assert (await person.open("/admin/audit")).status == 403
        shown = await person.send("/admin/fleet/stop")
        assert "The fleet is stopped" in shown.text
        stranger = await person.session.get(api.url + "/admin/fleet", headers={"Host": "evil.example"})
        assert stranger.status == 403


@pytest.mark.parametrize("path", ["/admin/nothing", "/admin/fleet/stop"])
async def test_an_error_is_a_page_with_the_id_of_the_request(api: Api, path: str) -> None:
    async with visiting(api.url, "viewer") as viewer:
        shown = await viewer.open(path)
        assert shown.status == 404
        assert shown.headers["Content-Type"].startswith("text/html")
        assert shown.headers["X-Request-Id"] in shown.text


async def test_pages_have_a_strict_policy_and_static_files_are_kept_for_ever(api: Api) -> None:
    async with visiting(api.url, "viewer") as viewer:
        page = await viewer.open("/admin/")
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", page.text)
        for path in re.findall(r'(?:src|href)="(/admin/static/[^"]+)"', page.text):
            file = await viewer.open(path)
            assert (file.status, "immutable" in file.headers["Cache-Control"]) == (200, True)
