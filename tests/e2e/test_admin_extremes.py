"""The admin pages with the longest values, the largest numbers and every state; each is looked at in light and dark."""

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from support.admin_browser import api_with_keys, log_in, look_around, look_at
from support.client import Client
from support.instances import Launcher
from support.places import bury, fail, retry_later

LONG_ID = "a-customer-with-a-very-long-id-of-sixty-four-characters-01234567"
REFERENCE = "order/2026-11-27/" + "0123456789abcdef" * 6 + "-the-end-of-it."
RECIPIENT = "somebody.with.a.very.long.address+" + "x" * 180 + "@example.org"
REASON = "The receiver moves to another data centre tonight and asked for silence until its people are back. " * 2
#: What a bigint holds, and no page has seen: with its commas it is 25 characters long.
LARGEST = 9_223_372_036_854_775_807
_JOB = b"""
INSERT INTO jobs (id, kind, state, selection, customer_id, low, high, rate, matched, done, skipped, next_step_at, error,
                  requested_by, created_at, started_at, finished_at)
SELECT uuidv7(), %(kind)s, %(state)s, %(selection)s, %(customer)s, uuidv7(), uuidv7(), %(rate)s, %(matched)s, %(done)s,
       %(skipped)s, now() + interval '1 day', %(error)s, 'key_0192f0c1a2b37c4d8e5f60718293a4b5', now() - interval '2 h',
       CASE WHEN %(state)s <> 'held' THEN now() - interval '1 h' END,
       CASE WHEN %(state)s IN ('done', 'cancelled', 'failed') THEN now() END
RETURNING 'job_' || replace(id::text, '-', '')"""


@pytest.fixture
def api(launch: Launcher) -> Client:
    """An API process that needs keys, and an administrator's client of it."""
    return api_with_keys(launch)


@pytest.mark.timeout(300)
async def test_every_state_of_a_job_is_shown(api: Client, sendoff_database: str, browser: BrowserContext) -> None:
    no_room = "PostgreSQL: " + "no room on the disk, " * 9
    both = {"reference": REFERENCE, "to": RECIPIENT}
    async with await AsyncConnection.connect(sendoff_database, autocommit=True) as db:
        jobs = {
            "running": await make_job(db, "running", matched=1_234, done=617, rate=50, error="PostgreSQL: it ended"),
            "held": await make_job(db, "held", matched=1_234, selection=both),
            "paused": await make_job(
                db, "paused", matched=LARGEST, done=LARGEST // 3, skipped=LARGEST // 4, rate=10_000
            ),
            "failed": await make_job(db, "failed", matched=9, done=4, error=no_room),
            "done": await make_job(db, "done", matched=1, done=1, selection={"all": True}),
            "cancelled": await make_job(db, "cancelled", matched=0, customer=LONG_ID, kind="dead-letters.purge"),
        }
    page = await browser.new_page()
    await log_in(page, api.url, "operator")
    await look_at(page, f"{api.url}/admin/jobs", "jobs-of-every-state")
    await look_at(page, f"{api.url}/admin/jobs?state=held&kind=dead-letters.purge", "jobs-nothing-matches")
    for state, job in jobs.items():
        await look_at(page, f"{api.url}/admin/jobs/{job}", f"job-{state}")
        await expect(page.locator(".head .badge")).to_have_text(state)


async def make_job(db: AsyncConnection[Any], state: str, **fields: Any) -> str:
    """A job that no worker looks at before tomorrow."""
    given = {"kind": "dead-letters.resend", "customer": None, "rate": None, "done": 0, "skipped": 0, "error": None}
    selection = Jsonb(fields.pop("selection", {"reason": "exhausted"}))
    row = await (await db.execute(_JOB, {**given, **fields, "state": state, "selection": selection})).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.timeout(300)
async def test_the_longest_values_fit(api: Client, sendoff_database: str, browser: BrowserContext) -> None:
    url = "https://example.org/" + "x" * 300
    assert api.call("POST", "/v1/customers", {"id": LONG_ID, "name": "n" * 120, "webhookUrl": url}).status == 201
    long: dict[str, Any] = {
        "to": RECIPIENT,
        "customer": LONG_ID,
        "reference": REFERENCE,
        "content": {"n": 12345678901234567890},
    }
    dead, waiting, late = ({"id": api.send(**long), "customer": LONG_ID} for _ in range(3))
    async with await AsyncConnection.connect(sendoff_database, autocommit=True) as db:
        await fail(db, dead)
        await bury(db, dead)
        await retry_later(db, waiting)
        await fail(db, late)
        await db.execute(b"UPDATE dead_letters SET last_error = %s", ("connect to 10.11.12.13: " + "no route " * 20,))
        await db.execute(b"UPDATE due SET attempts = 2147483647")
    api.call("POST", f"/v1/customers/{LONG_ID}/pause", {"reason": REASON[:200]})
    page = await browser.new_page()
    await look_at_wrong_log_in(page, api)
    await log_in(page, api.url, "boss")
    for name, path in {
        "overview": "/",
        "messages": "/messages",
        "messages-refused": f"/messages?createdAfter=yesterday&q={REFERENCE}",
        "messages-found": f"/messages?q={REFERENCE}",
        "message-dead": f"/messages/{dead['id']}",
        "message-retrying": f"/messages/{waiting['id']}",
        "dead-letters": "/dead-letters",
        "dead-letters-nothing-matches": f"/dead-letters?to={'x' * 200}",
        "retries": "/retries",
        "customers": "/customers",
        "customer": f"/customers/{LONG_ID}",
        "fleet": "/fleet",
        "audit": "/audit",
        "audit-nothing-matches": "/audit?actor=nobody",
    }.items():
        await look_at(page, f"{api.url}/admin{path}", f"long-{name}")


async def look_at_wrong_log_in(page: Page, api: Client) -> None:
    await page.goto(f"{api.url}/admin/login")
    await page.get_by_label("API key").fill("not-a-key")
    await page.get_by_role("button", name="Log in").click()
    await look_around(page, "login-wrong")


async def test_what_was_refused_is_said_beside_its_field(api: Client, browser: BrowserContext) -> None:
    page = await browser.new_page()
    await log_in(page, api.url, "boss")
    await page.goto(f"{api.url}/admin/messages/new")
    for field, text in {"To": "jane", "Content": "hello", "Customer": "no such customer!", "Delay": "soon"}.items():
        await page.get_by_label(field, exact=True).fill(text)
    await page.get_by_role("button", name="Send", exact=True).click()
    await look_around(page, "message-new-refused")
    await page.goto(f"{api.url}/admin/customers/new")
    for field, text in {"Webhook": "ftp://example.org", "Time-out": "a while", "Rate": "many"}.items():
        await page.get_by_label(field, exact=True).fill(text)
    await page.get_by_role("button", name="Create", exact=True).click()
    await look_around(page, "customer-form-refused")
    await page.goto(f"{api.url}/admin/customers/new")
    await page.get_by_label("Webhook", exact=True).fill("https://example.org/hook")
    await page.get_by_role("button", name="Create", exact=True).click()
    await look_around(page, "customer-secret")
