"""Customers over HTTP: secrets are rotated, sealed, and never shown twice."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sendoff_domain.signing_secret import format_secret
from sendoff_webhooks.keys.encryption import KeyCipher
from sendoff_webhooks.keys.signing_keys import read_keys
from support.api import Api, api_settings, running_api
from support.customers import NOWHERE, create

CONFIGURED = "whsec_" + "Q09O" * 10


async def rotate(api: Api, body: Any = None, customer_id: str = "acme") -> dict[str, Any]:
    reply = await api.post(f"/v1/customers/{customer_id}/rotate-secret", body)
    assert reply.status == 200, reply.body
    rotated: dict[str, Any] = reply.json
    return rotated


async def valid_secrets(api: Api, customer_id: str = "acme") -> list[str]:
    return [format_secret(key.key) for key in await read_keys(api.db, KeyCipher(), customer_id)]


async def test_the_old_secret_stays_valid_for_a_day(api: Api) -> None:
    old = (await create(api, id="acme"))["secret"]
    rotated = await rotate(api)
    assert await valid_secrets(api) == [rotated["secret"], old]
    left = datetime.fromisoformat(rotated["previousExpiresAt"]) - datetime.now(UTC)
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24, seconds=1)


async def test_a_leaked_secret_ends_at_once(api: Api) -> None:
    await create(api, id="acme")
    rotated = await rotate(api, {"grace": "0s"})
    assert rotated["previousExpiresAt"] is None
    assert await valid_secrets(api) == [rotated["secret"]]


async def test_a_given_secret_may_be_rotated_in_twice(api: Api) -> None:
    old = (await create(api, id="acme"))["secret"]
    first, second = [await rotate(api, {"secret": CONFIGURED, "grace": "7d"}) for _ in range(2)]
    assert first["secret"] == second["secret"] == CONFIGURED
    assert await valid_secrets(api) == [CONFIGURED, old]


async def test_the_default_customers_made_up_secret_can_be_rotated(api: Api) -> None:
    assert (await rotate(api, customer_id="default"))["secret"] == (await valid_secrets(api, "default"))[0]


@pytest.fixture
async def configured(database: str) -> AsyncIterator[Api]:
    """A server whose default customer has a configured secret."""
    settings = api_settings(database, webhook={"url": NOWHERE, "secret": CONFIGURED})
    async with running_api(settings) as running:
        yield running


async def test_a_configured_secret_is_changed_in_its_configuration(configured: Api) -> None:
    reply = await configured.post("/v1/customers/default/rotate-secret")
    assert (reply.status, reply.json["code"]) == (409, "customer_configured")
    assert await valid_secrets(configured, "default") == [CONFIGURED]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"secret": "tell-nobody"}, "/secret"),
        ({"secret": "whsec_dGVsbC1ub2JvZHk="}, "/secret"),
        ({"grace": "8d"}, "/grace"),
        ({"grace": "-1s"}, "/grace"),
        ({"grace": 5}, "/grace"),
        ({"key": "x"}, "/key"),
    ],
)
async def test_a_bad_rotation_is_refused_and_shows_no_secret(api: Api, body: Any, pointer: str) -> None:
    await create(api, id="acme")
    before = await valid_secrets(api)
    reply = await api.post("/v1/customers/acme/rotate-secret", body)
    assert (reply.status, reply.pointers) == (422, [pointer])
    assert "nobody" not in reply.body.decode()
    assert "dGVsbC1u" not in reply.body.decode()
    assert await valid_secrets(api) == before
