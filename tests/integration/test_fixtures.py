"""The fixtures that other tests stand on."""

import psycopg
from aiohttp import web
from playwright.async_api import BrowserContext


def test_a_sendoff_database_has_the_schema_and_the_first_rows(sendoff_database: str) -> None:
    with psycopg.connect(sendoff_database) as connection:
        states = connection.execute("SELECT desired FROM control_state WHERE scope = 'global'").fetchall()
        customers = connection.execute("SELECT id FROM customers").fetchall()
    assert (states, customers) == ([("running",)], [("default",)])


async def test_a_browser_opens_a_page(browser: BrowserContext) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="<h1>Grüße</h1>", content_type="text/html", charset="utf-8")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        page = await browser.new_page()
        await page.goto(f"http://127.0.0.1:{runner.addresses[0][1]}/")
        assert await page.inner_text("h1") == "Grüße"
    finally:
        await runner.cleanup()
