"""Whether a URL leads where it must not, as far as that can be told before anything is sent to it."""

import asyncio
from collections.abc import Sequence

import pytest

from sendoff_domain.webhook_addresses import PortRange
from support.posting import NewClient


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://0x7f.1/", "http://[::ffff:7f00:1]/", "https://localhost/", "http://u:p@good.test/"],
)
async def test_a_forbidden_url_is_refused_with_what_was_expected(url: str, new_client: NewClient) -> None:
    reason = await new_client(addresses=lambda _: ["93.184.216.34"], allowed="").why_forbidden(url)
    assert reason is not None
    assert reason.startswith("expected a URL")


async def test_a_port_that_is_not_allowed_is_refused_without_a_lookup(new_client: NewClient) -> None:
    asked: list[str] = []

    async def resolve(host: str) -> Sequence[str]:
        asked.append(host)
        return ["93.184.216.34"]

    client = new_client(resolve=resolve, ports=[PortRange(443, 443)])
    reason = await client.why_forbidden("http://good.test/")
    assert reason == "expected a URL with a port of security.allowedPorts (443), not 80"
    assert asked == []


@pytest.mark.parametrize("found", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:127.0.0.1"]])
async def test_one_forbidden_address_spoils_a_name(found: list[str], new_client: NewClient) -> None:
    reason = await new_client(addresses=lambda _: found, allowed="").why_forbidden("http://hook.test/")
    assert reason == (
        "expected a URL with a public address, or one of security.allowedNetworks:"
        " hook.test leads to an address that must not be called"
    )


async def test_a_public_name_is_not_forbidden(new_client: NewClient) -> None:
    client = new_client(addresses=lambda _: ["93.184.216.34"], allowed="")
    assert await client.why_forbidden("https://hook.test/in") is None


async def test_a_name_that_does_not_resolve_passes_for_now(new_client: NewClient) -> None:
    assert await new_client(allowed="").why_forbidden("http://webhook.invalid/") is None


async def test_a_name_that_takes_too_long_passes_for_now(new_client: NewClient) -> None:
    async def never(_: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    assert await new_client(resolve=never, allowed="").why_forbidden("http://hook.test/", patience=0.05) is None
