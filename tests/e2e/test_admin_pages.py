"""The admin pages as a person uses them, in a real browser on a whole fleet; each is looked at in light and dark."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page, expect

from support.admin_client import ADMIN_KEYS
from support.client import Client
from support.instances import Launcher
from support.layout import ROOT
from support.receiver import Receiver, running_receiver
from support.waiting import eventually
from support.whole_sendoff import add_customer, free_port

SCREENSHOTS = ROOT / "tests" / "artefacts" / "screenshots"
#: Milliseconds: a job has steps of its own pace, and its page asks every two seconds.
LONG = 30_000
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 360, "height": 740}


@pytest.fixture
def api(launch: Launcher) -> Client:
    """An API process that needs keys, and an administrator's client of it."""
    port = free_port()
    keys = ", ".join(
        f'{{"name": "{k["name"]}", "secret": "{k["secret"]}", "role": "{k["role"]}"}}' for k in ADMIN_KEYS[:3]
    )
    launch.api(port, HTTP__API_KEYS=f"[{keys}]")
    return Client(f"http://127.0.0.1:{port}", {"X-API-Key": ADMIN_KEYS[0]["secret"]})


@pytest.fixture
def failing() -> Iterator[Receiver]:
    """The webhook of a customer, to be told what to answer."""
    with running_receiver() as running:
        yield running


async def log_in(page: Page, api: Client, name: str) -> None:
    await page.goto(f"{api.url}/admin/")
    await page.get_by_label("API key").fill(next(key["secret"] for key in ADMIN_KEYS if key["name"] == name))
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


async def look_at(page: Page, api: Client, name: str, path: str) -> None:
    """No finding of axe in either scheme, no wider than a telephone, and a screenshot of each for people."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.set_viewport_size(NARROW)  # type: ignore[arg-type]  # a TypedDict of the same keys
    await page.goto(api.url + path)
    assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], name
    await page.screenshot(path=SCREENSHOTS / f"{name}-narrow.png", full_page=True)
    await page.set_viewport_size(WIDE)  # type: ignore[arg-type]  # as above
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        await page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}.png", full_page=True)
        found = await Axe().run(page)
        assert found.violations_count == 0, f"{name}, {scheme}: {found.generate_report()}"


async def press(page: Page, opener: str, button: str) -> None:
    """Open a sheet and press the button on it."""
    await page.locator("summary", has_text=opener).click()
    await page.get_by_role("button", name=button, exact=True).click()


async def test_a_person_stops_and_starts_the_fleet_and_resends_what_died(
    launch: Launcher, api: Client, receiver: Receiver, failing: Receiver, browser: BrowserContext
) -> None:
    launch.worker()
    failing.answer(500)
    add_customer(api, failing, "acme", retry={"attempts": 1})
    dead = [api.send("jane", customer="acme")] + [api.send(f"to-{n}", customer="acme") for n in range(3)]
    for message_id in dead:
        api.wait_for(message_id, "dead")
    page = await browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await log_in(page, api, "operator")

    await press(page, "Stop…", "Stop the fleet")
    await expect(page.locator("#fleet-state")).to_contain_text("stopped")
    assert api.call("GET", "/v1/scheduler").body["desired"] == "stopped"
    await page.get_by_role("button", name="Start the fleet").click()
    await expect(page.locator("#fleet-state")).to_contain_text("running")

    failing.answer(200)
    await page.keyboard.press("g")
    await page.keyboard.press("d")
    await page.get_by_label("Recipient or id").fill("jane")
    await page.keyboard.press("Enter")
    await expect(page.locator("tbody a[data-row]")).to_have_count(1)
    await page.locator("tbody a[data-row]").click()
    await expect(page.locator(".timeline")).to_contain_text("500")
    await press(page, "Resend…", "Resend")
    await eventually(lambda: api.message(dead[0])["status"] == "sent", "the message that was resent is sent")
    await page.reload()
    await expect(page.locator(".head .badge")).to_have_text("sent")

    await page.goto(f"{api.url}/admin/dead-letters?customer=acme")
    await page.get_by_role("button", name="Resend all…").click()
    await expect(page.locator("[data-count]")).to_have_text("3")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Resend dead letters of acme")
    await page.get_by_role("button", name="Resend 3").click()
    await expect(page.locator(".head .badge")).to_have_text("done", timeout=LONG)
    await expect(page.locator(".figures dd").first).to_have_text("3")
    await eventually(lambda: all(api.message(one)["status"] == "sent" for one in dead), "all that matched are sent")
    assert complaints == []


async def test_each_page_can_be_read_in_light_and_dark_on_any_width(api: Client, browser: BrowserContext) -> None:
    page = await browser.new_page()
    await look_at(page, api, "login", "/admin/login")
    await log_in(page, api, "boss")
    await look_at(page, api, "messages-empty", "/admin/messages")
    long_id = "a-customer-with-a-very-long-id-of-sixty-four-characters-01234567"
    api.call("POST", "/v1/customers", {"id": long_id, "webhookUrl": "https://example.org/" + "x" * 300})
    await look_at(page, api, "jobs-empty", "/admin/jobs")
    message = api.send("r" * 200, content={"n": 12345678901234567890}, delay="1h", reference="order-4711")
    job = api.call("POST", "/v1/messages/cancel", {"to": "r" * 200, "hold": True, "rate": 50}).body["id"]
    for name, path in {
        "overview": "/admin/",
        "messages": "/admin/messages",
        "message": f"/admin/messages/{message}",
        "message-new": "/admin/messages/new",
        "dead-letters": "/admin/dead-letters",
        "retries": "/admin/retries",
        "jobs": "/admin/jobs",
        "job": f"/admin/jobs/{job}",
        "customers": "/admin/customers",
        "customer": f"/admin/customers/{long_id}",
        "customer-form": f"/admin/customers/{long_id}/edit",
        "fleet": "/admin/fleet",
        "audit": "/admin/audit",
        "not-found": "/admin/nothing",
    }.items():
        await look_at(page, api, name, path)


async def test_a_viewer_finds_no_button_that_changes_anything(
    launch: Launcher, api: Client, browser: BrowserContext
) -> None:
    message = api.send("jane", delay="1h")
    page = await browser.new_page()
    await log_in(page, api, "viewer")
    for path in ("/admin/", f"/admin/messages/{message}", "/admin/dead-letters", "/admin/fleet"):
        await page.goto(api.url + path)
        names = await page.locator("main button:visible, main summary:visible").all_inner_texts()
        assert [name for name in names if not re.match("Pause updates|Copy|Filter", name)] == [], path
    refused = await page.evaluate(
        "path => fetch(path, {method: 'POST', body: new URLSearchParams()}).then(reply => reply.status)",
        "/admin/fleet/stop",
    )
    assert refused == 403
