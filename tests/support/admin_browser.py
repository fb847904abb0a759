"""People at the admin pages in a real browser, and what is looked at on each page."""

from collections.abc import Sequence
from typing import Any, Literal

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from support.admin_client import ADMIN_KEYS
from support.client import Client
from support.instances import Launcher
from support.layout import ROOT
from support.whole_sendoff import free_port

SCREENSHOTS = ROOT / "tests" / "artefacts" / "screenshots"
#: Milliseconds: a job has steps of its own pace, and its page asks every two seconds.
LONG = 30_000
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 360, "height": 740}


def api_with_keys(launch: Launcher) -> Client:
    """A new API process that needs keys, and an administrator's client of it."""
    port = free_port()
    keys = ", ".join(
        f'{{"name": "{k["name"]}", "secret": "{k["secret"]}", "role": "{k["role"]}"}}' for k in ADMIN_KEYS[:3]
    )
    launch.api(port, HTTP__API_KEYS=f"[{keys}]")
    return Client(f"http://127.0.0.1:{port}", {"X-API-Key": ADMIN_KEYS[0]["secret"]})


async def log_in(page: Page, url: str, name: str) -> None:
    """Log in at the address with the key of that name."""
    await page.goto(f"{url}/admin/")
    await page.get_by_label("API key").fill(next(key["secret"] for key in ADMIN_KEYS if key["name"] == name))
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


async def press(page: Page, opener: str, button: str) -> None:
    """Open a sheet and press the button on it."""
    await page.locator("summary", has_text=opener).click()
    await page.get_by_role("button", name=button, exact=True).click()


async def look_at(page: Page, url: str, name: str) -> None:
    """Open a page: no finding of axe in either scheme, no wider than a telephone, and screenshots for people."""
    await page.goto(url)
    await look_around(page, name)


async def look_around(page: Page, name: str) -> None:
    """The same for the page that is open."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await _look(page, f"{name}-narrow", NARROW, ("light", "dark"))
    await _look(page, f"{name}-wide", WIDE, ("dark", "light"))


async def _look(page: Page, name: str, size: Any, schemes: Sequence[Literal["light", "dark"]]) -> None:
    """A screenshot in each scheme, and axe in the last: so it sees either width and either scheme once."""
    await page.set_viewport_size(size)
    assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
    for scheme in schemes:
        await page.emulate_media(color_scheme=scheme)
        await page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}.png", full_page=True)
    found = await Axe().run(page)
    assert found.violations_count == 0, f"{name}: {found.generate_report()}"
