"""A real browser: Debian's Chromium under playwright."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, async_playwright

from support.debian import require_program
from support.waiting import wait_until

_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address at which a running Chromium is told what to do; to start one takes more than most tests do in it."""
    executable = require_program("chromium", package="chromium")
    profile = tmp_path_factory.mktemp("chromium")
    with subprocess.Popen(
        [executable, *_ARGUMENTS, f"--user-data-dir={profile}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield f"http://127.0.0.1:{_port(profile, process)}"
        finally:
            process.terminate()


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[BrowserContext]:
    """A browser that knows nothing of other tests; `await browser.new_page()` opens a page."""
    async with async_playwright() as playwright:
        connected = await playwright.chromium.connect_over_cdp(chromium)
        context = await connected.new_context()
        yield context
        await context.close()


def _port(profile: Path, process: subprocess.Popen[bytes]) -> int:
    """The port that Chromium chose, which it writes into its profile."""
    file = profile / "DevToolsActivePort"
    wait_until(lambda: process.poll() is not None or (file.exists() and file.read_text()), "Chromium is up")
    assert process.poll() is None, f"Chromium has ended with {process.returncode}"
    return int(file.read_text().split()[0])
