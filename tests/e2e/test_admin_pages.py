"""The admin pages as a person uses them, in a real browser on a whole fleet; each is looked at in light and dark."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.async_api import BrowserContext, Page, expect
from psycopg import AsyncConnection

from support.admin_browser import LONG, api_with_keys, log_in, look_at, press
from support.client import Client
from support.instances import Launcher
from support.places import bury_new
from support.receiver import Receiver, running_receiver
from support.waiting import eventually
from support.whole_sendoff import add_customer

#: A resend is held to a fifth of what was sent lately: with this to 300 a second, without to 10.
SENT_LATELY = b"""
INSERT INTO deliveries (message_id, customer_id, generation, token, attempts, due_at, created_at, sent_at, status_code,
                        duration_us)
SELECT uuidv7(), 'default', 0, 1, 1, now(), now(), now() - n * interval '0.6 ms', 200, 1000
  FROM generate_series(1, 50000) AS n"""


@pytest.fixture
def api(launch: Launcher) -> Client:
    """An API process that needs keys, and an administrator's client of it."""
    return api_with_keys(launch)


@pytest.fixture
def failing() -> Iterator[Receiver]:
    """The webhook of a customer, to be told what to answer."""
    with running_receiver() as running:
        yield running


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
    await log_in(page, api.url, "operator")

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


async def test_all_1234_that_match_are_resent_beside_a_viewer_who_is_refused(
    launch: Launcher, api: Client, receiver: Receiver, sendoff_database: str, browser: BrowserContext
) -> None:
    async with await AsyncConnection.connect(sendoff_database, autocommit=True) as db:
        await db.execute(SENT_LATELY)
        letters = await bury_new(db, 1_234)
        operator, viewer = await browser.new_page(), await browser.new_page()
        await log_in(operator, api.url, "operator")
        await operator.goto(f"{api.url}/admin/dead-letters?customer=default")
        await operator.get_by_role("button", name="Resend all…").click()
        await expect(operator.locator("[data-count]")).to_have_text("1,234")
        await refuse_a_viewer(viewer, api.url.replace("127.0.0.1", "localhost"), urlsplit(operator.url).path)
        await bury_new(db, 3)
        launch.worker()
        await operator.bring_to_front()  # a page that nobody sees does not follow its job
        await operator.get_by_role("button", name="Resend 1,234 dead letters").click()
        await expect(operator.locator(".head .badge")).to_have_text("done", timeout=LONG)
        await expect(operator.locator(".figures dd").first).to_have_text("1,234")
        await expect(operator.locator("progress")).to_have_attribute("aria-label", "Progress: 100%")
        await eventually(lambda: len(receiver.ids()) == len(letters), "all that matched have arrived")
    assert set(receiver.ids()) == {f"msg_{one.hex}" for one in letters}
    assert len(api.call("GET", "/v1/dead-letters").body["data"]) == 3


async def refuse_a_viewer(page: Page, url: str, job: str) -> None:
    """The same job and the same list for a key that may only look; under another host, so with cookies of its own."""
    await log_in(page, url, "viewer")
    for path in (job, "/admin/dead-letters"):
        await page.goto(url + path)
        assert await acting_buttons(page) == [], path
    for path in (f"{job}/resume", f"{job}/cancel", "/admin/dead-letters/all"):
        assert await send_form(page, path) == 403
    await page.goto(url + job)
    await expect(page.locator("[data-count]")).to_have_text("1,234")
    await expect(page.locator(".head .badge")).to_have_text("held")


async def acting_buttons(page: Page) -> list[str]:
    """The buttons of a page that change more than the page."""
    names = await page.locator("main button:visible, main summary:visible").all_inner_texts()
    return [name for name in names if not re.match("Pause updates|Copy|Filter", name)]


async def send_form(page: Page, path: str) -> int:
    """What a form that the page does not show is answered, with a token that is good."""
    token = await page.locator('[name="token"]').first.get_attribute("value")
    send = """([path, token]) => fetch(path, {method: "POST", body: new URLSearchParams({token, action: "resend"})})
              .then(reply => reply.status)"""
    return int(await page.evaluate(send, [path, token]))


@pytest.mark.timeout(300)
async def test_each_page_can_be_read_in_light_and_dark_on_any_width(api: Client, browser: BrowserContext) -> None:
    page = await browser.new_page()
    await look_at(page, api.url + "/admin/login", "login")
    await log_in(page, api.url, "boss")
    await look_at(page, api.url + "/admin/messages", "messages-empty")
    long_id = "a-customer-with-a-very-long-id-of-sixty-four-characters-01234567"
    api.call("POST", "/v1/customers", {"id": long_id, "webhookUrl": "https://example.org/" + "x" * 300})
    await look_at(page, api.url + "/admin/jobs", "jobs-empty")
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
        await look_at(page, api.url + path, name)


async def test_a_viewer_finds_no_button_that_changes_anything(
    launch: Launcher, api: Client, browser: BrowserContext
) -> None:
    message = api.send("jane", delay="1h")
    page = await browser.new_page()
    await log_in(page, api.url, "viewer")
    for path in ("/admin/", f"/admin/messages/{message}", "/admin/dead-letters", "/admin/fleet"):
        await page.goto(api.url + path)
        assert await acting_buttons(page) == [], path
    assert await send_form(page, "/admin/fleet/stop") == 403
