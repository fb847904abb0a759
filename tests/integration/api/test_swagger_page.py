"""The Swagger page in a real browser: it works without internet, and "Try it out" stores a message."""

from playwright.async_api import BrowserContext, Page

from sendoff_http.operations.docs import bundle_folder
from support.api import Api


async def watched_page(browser: BrowserContext, seen: list[str], complaints: list[str]) -> Page:
    page = await browser.new_page()
    page.on("request", lambda request: seen.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page


async def test_try_it_out_stores_a_message_and_nothing_leaves_the_machine(api: Api, browser: BrowserContext) -> None:
    seen: list[str] = []
    complaints: list[str] = []
    page = await watched_page(browser, seen, complaints)
    await page.goto(f"{api.url}/swagger")
    assert page.url == f"{api.url}/swagger/index.html"
    operation = page.locator("#operations-Messages-create_message")
    await operation.locator("button.opblock-summary-control").click()
    await operation.locator("button.try-out__btn").click()
    await operation.locator("button.execute").click()
    await operation.locator(".live-responses-table .response-col_status").get_by_text("202").first.wait_for()
    assert await api.count("due") == 1
    assert complaints == []
    assert seen
    assert all(url.startswith((api.url + "/", "data:", "blob:")) for url in seen), seen


async def test_the_page_and_its_parts_are_served_with_a_strict_policy(api: Api) -> None:
    for path in ("/swagger", "/swagger/"):
        reply = await api.get(path, checked=False)
        assert (reply.status, reply.headers["Location"]) == (302, "/swagger/index.html")
    for name in ("index.html", "init.js", "swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"):
        reply = await api.get(f"/swagger/{name}", checked=False)
        assert reply.status == 200
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
    assert (
        bundle_folder().joinpath("swagger-ui-bundle.js").read_bytes()
        == (await api.get("/swagger/swagger-ui-bundle.js", checked=False)).body
    )


async def test_nothing_else_of_the_bundle_is_served(api: Api) -> None:
    for name in ("..%2f..%2fapp.py", "oauth2-redirect.html", "swagger-ui.js.map"):
        assert (await api.get(f"/swagger/{name}", checked=False)).status == 404
