"""Pages of other sites change nothing, and read nothing under a name that they gave to the API themselves."""

import pytest
from playwright.async_api import BrowserContext

from support.api import Api, api_settings, running_api
from support.metrics import samples

KEY = "a-key-of-many-characters"
TEXT = {"Content-Type": "text/plain"}
STOP = "/v1/scheduler/stop"


async def desired(api: Api) -> str:
    return str((await api.get("/v1/scheduler")).json["desired"])


@pytest.mark.parametrize(
    "sent",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "Same-Origin"},
        {"Sec-Fetch-Site": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "chrome-extension://abcdefgh"},
    ],
)
async def test_a_page_of_another_site_changes_nothing(api: Api, sent: dict[str, str]) -> None:
    for path in (STOP, "/v1/customers/default/pause", "/v1/customers/default/rotate-secret", "/v1/messages"):
        for body in (b"", b"{}", b'{"to":"a","content":1}'):
            reply = await api.post(path, data=body, headers={**TEXT, **sent})
            assert (reply.status, reply.json["code"]) == (403, "foreign_site")
    for method, path in (("DELETE", "/v1/customers/default"), ("PATCH", "/v1/customers/default")):
        assert (await api.call(method, path, headers=sent)).status == 403
    assert await desired(api) == "running"
    assert await api.count("messages") == 0


async def test_a_page_of_the_api_itself_may_do_everything(api: Api) -> None:
    for origin in (api.url, api.url.upper().replace("HTTP", "http")):
        for site in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
            assert (await api.post(STOP, headers={"Origin": origin, **site})).status == 202


async def test_a_stop_in_plain_text_is_refused(api: Api) -> None:
    reply = await api.post(STOP, data=b'{"reason":"none"}', headers=TEXT)
    assert (reply.status, reply.json["code"]) == (415, "unsupported_media_type")
    assert await desired(api) == "running"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "0x7f.1", "api", ""],
)
async def test_a_foreign_name_reads_and_changes_nothing(api: Api, host: str) -> None:
    """After DNS rebinding everything looks as if a page of ours had sent it."""
    sent = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    for path in ("/v1/customers", "/v1/messages", "/v1/stats", "/metrics", "/v1/nothing"):
        reply = await api.get(path, headers=sent)
        assert (reply.status, reply.json["code"]) == (403, "foreign_host")
    for path in (STOP, "/v1/customers/default/rotate-secret"):
        assert (await api.post(path, headers=sent)).status == 403
    assert (await api.get("/health/live", headers=sent)).status == 200


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "localhost.", "sendoff.localhost", "127.0.0.2", "[::1]:80"]
)
async def test_this_machine_and_addresses_are_names_of_ours(api: Api, host: str) -> None:
    assert (await api.get("/v1/stats", headers={"Host": host})).status == 200


async def test_a_configured_name_may_be_used_behind_a_gateway(database: str) -> None:
    settings = api_settings(database, http={"hosts": ["Sendoff.example.org"]})
    async with running_api(settings) as api:
        named = {"Host": "sendoff.example.org:8443"}
        assert (await api.get("/v1/stats", headers=named)).status == 200
        for host in (named, {}):  # also when the gateway gives the name away
            page = {"Origin": "https://sendoff.example.org", **host}
            assert (await api.post(STOP, headers=page)).status == 202


async def test_with_a_key_the_name_does_not_matter(database: str) -> None:
    async with running_api(api_settings(database, http={"apiKeys": [KEY]})) as api:
        sent = {"Host": "anything.example", "X-API-Key": KEY}
        assert (await api.get("/v1/stats", headers=sent)).status == 200
        assert (await api.post(STOP, headers={**sent, "Origin": "https://evil.example"})).status == 403
        assert (await api.get("/v1/stats", headers={"Host": "anything.example"})).status == 401


async def test_a_browser_on_another_page_stops_nothing(api: Api, browser: BrowserContext) -> None:
    page = await browser.new_page()
    await page.route("http://evil.example/", lambda route: route.fulfill(body="<p>hello</p>", content_type="text/html"))
    await page.goto("http://evil.example/")
    for body in ("undefined", "'{}'"):
        sent = f"fetch('{api.url}{STOP}', {{method: 'POST', mode: 'no-cors', body: {body}}}).then(() => 1, () => 0)"
        await page.evaluate(sent)
    await page.evaluate(f"fetch('{api.url}/v1/customers').then(() => 1, () => 0)")
    assert await desired(api) == "running"
    text = (await api.get("/metrics")).body.decode()
    assert samples(text, "sendoff_http_requests_total", route="/v1/scheduler/stop", status="202") == []


async def test_a_webhook_request_of_our_own_does_nothing(api: Api) -> None:
    """Whatever name or gateway led it here: the workers can't know them all."""
    for path in (STOP, "/v1/customers/default/pause", "/v1/messages"):
        reply = await api.post(path, data=b"{}", headers={"Content-Type": "application/json", "Sendoff-Attempt": "1"})
        assert (reply.status, reply.json["code"]) == (403, "own_webhook")
    assert await desired(api) == "running"
