"""The Swagger page as a person uses it: "Try it out" delivers."""

from playwright.async_api import BrowserContext

from support.client import Client
from support.instances import Launcher
from support.receiver import Receiver
from support.waiting import eventually


async def test_try_it_out_delivers_and_no_request_leaves_the_machine(
    launch: Launcher, api: Client, receiver: Receiver, browser: BrowserContext
) -> None:
    launch.worker()
    requested: list[str] = []
    page = await browser.new_page()
    page.on("request", lambda request: requested.append(request.url))

    await page.goto(f"{api.url}/swagger/index.html")
    operation = page.locator("#operations-Messages-create_message")
    await operation.locator("button.opblock-summary-control").click()
    await operation.locator("button.try-out__btn").click()
    await operation.locator("button.execute").click()

    await eventually(lambda: len(receiver.received) == 1, "the message of the example reached the webhook")
    assert receiver.received[0].message["content"] == "Your parcel is on its way."
    assert all(url.startswith((f"{api.url}/", "data:", "blob:")) for url in requested), requested
