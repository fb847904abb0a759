"""Credentials in the headers of customers: sealed in the database, for one customer and one origin."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sendoff_db.pool import Connection
from sendoff_domain.encryption_key import format_encryption_key
from sendoff_webhooks.keys.encryption import KeyCipher
from sendoff_webhooks.keys.reencryption import EncryptionState, examine_encryption, reencrypt
from support.api import Api, api_settings, running_api
from support.customers import create, read
from support.receiver import Receiver, running_receiver

FIRST, SECOND = b"1" * 32, b"2" * 32
HEADERS = {"Authorization": "Bearer tell-nobody", "X-Team": "parcels"}
SHOWN = {"Authorization": "***", "X-Team": "parcels"}


@pytest.fixture
def receiver() -> Any:
    with running_receiver() as running:
        yield running


def settings(database: str, *keys: bytes) -> Any:
    security = {
        "encryptionKeys": [format_encryption_key(key) for key in keys],
        "allowedNetworks": ["127.0.0.0/8"],
    }
    return api_settings(database, security=security)


@pytest.fixture
async def api(database: str) -> AsyncIterator[Api]:
    """A server with an encryption key, whose customers may have webhooks on loopback."""
    async with running_api(settings(database, FIRST)) as running:
        yield running


async def stored(db: Connection, customer_id: str = "acme") -> dict[str, Any]:
    cursor = await db.execute("SELECT headers FROM customers WHERE id = %s", (customer_id,))
    row = await cursor.fetchone()
    assert row is not None
    headers: dict[str, Any] = row[0]
    return headers


async def used(api: Api, receiver: Receiver) -> str | None:
    """The credential that the webhook gets, or None if nothing is sent because it does not open."""
    reply = await api.post("/v1/customers/acme/test")
    if reply.status == 409:
        assert reply.json["code"] == "secret_unreadable"
        assert "the header Authorization of customer acme" in reply.json["detail"]
        return None
    assert reply.json["verdict"]["delivered"], reply.body
    return receiver.received[-1].headers["authorization"]


async def test_a_credential_is_sealed_and_sent_open(api: Api, receiver: Receiver) -> None:
    await create(api, id="acme", webhookUrl=receiver.url, headers=HEADERS)
    row = await stored(api.db)
    assert row["X-Team"] == "parcels"
    assert set(row["Authorization"]) == {"sealed"}
    assert "nobody" not in json.dumps(row)
    assert (await read(api, "acme"))["headers"] == SHOWN
    assert await used(api, receiver) == HEADERS["Authorization"]


async def test_a_change_of_something_else_keeps_it(api: Api, receiver: Receiver) -> None:
    await create(api, id="acme", webhookUrl=receiver.url, headers=HEADERS)
    for document in ({"name": "Acme"}, {"headers": {"X-Team": "letters"}}, {"webhookUrl": receiver.url + "other"}):
        assert (await api.call("PATCH", "/v1/customers/acme", json=document)).status == 200
        assert await used(api, receiver) == HEADERS["Authorization"]
    version = (await read(api, "acme"))["version"]
    same = await api.call("PATCH", "/v1/customers/acme", json={"headers": {"Authorization": HEADERS["Authorization"]}})
    assert same.json["version"] == version, "nothing is new"


@pytest.mark.parametrize(
    "change",
    [
        "SET webhook_url = replace(webhook_url, '127.0.0.1', '127.0.0.2')",
        "SET incarnation = nextval('customer_incarnations')",
        "SET headers = jsonb_set(headers, '{Authorization}', other.headers -> 'Authorization')",
        """SET headers = jsonb_set(headers, '{Authorization}', '"Bearer plain"')""",
        """SET headers = jsonb_set(headers, '{Authorization}', '{"sealed": 1}')""",
    ],
    ids=["another origin", "another customer of the id", "another customer's", "plain", "nonsense"],
)
async def test_what_was_changed_in_the_database_is_not_sent(api: Api, receiver: Receiver, change: str) -> None:
    await create(api, id="acme", webhookUrl=receiver.url, headers=HEADERS)
    await create(api, id="other", webhookUrl=receiver.url, headers=HEADERS)
    change = change.replace("(headers,", "(customers.headers,")
    statement = f"UPDATE customers {change} FROM (SELECT headers FROM customers WHERE id = 'other') AS other"
    await api.db.execute(f"{statement} WHERE customers.id = 'acme'".encode())
    assert await used(api, receiver) is None
    assert receiver.received == []
    assert (await read(api, "acme"))["headers"] == SHOWN

    refused = await api.call("PATCH", "/v1/customers/acme", json={"name": "Acme"})
    assert (refused.status, refused.json["code"]) == (409, "secret_unreadable")
    mended = {"webhookUrl": receiver.url, "headers": {"Authorization": "Bearer new"}}
    assert (await api.call("PATCH", "/v1/customers/acme", json=mended)).status == 200
    if "incarnation" not in change:  # then its signing key does not open either
        assert await used(api, receiver) == "Bearer new"


async def test_a_new_encryption_key_seals_it_anew(api: Api) -> None:
    await create(api, id="acme", headers=HEADERS)
    both = KeyCipher([SECOND, FIRST])
    assert await examine_encryption(api.db, both) == EncryptionState(outdated=3)  # and the keys of two customers
    assert (await reencrypt(api.db, both)).count == 3
    assert await examine_encryption(api.db, KeyCipher([SECOND])) == EncryptionState()
    assert (await reencrypt(api.db, both)).count == 0
    assert await examine_encryption(api.db, KeyCipher([FIRST])) == EncryptionState(undecryptable=3)


async def test_plain_ones_are_sealed_when_that_is_asked_for(database: str) -> None:
    async with running_api(settings(database)) as api:
        await create(api, id="acme", headers=HEADERS)
        assert await stored(api.db) == HEADERS
        sealing = KeyCipher([FIRST])
        assert await examine_encryption(api.db, sealing) == EncryptionState(refused=3)
        refused = await reencrypt(api.db, sealing)
        assert (refused.count, refused.undecryptable) == (0, 3)
        assert (await reencrypt(api.db, sealing, seal_plain=True)).count == 3
        assert "nobody" not in json.dumps(await stored(api.db))
        assert await examine_encryption(api.db, sealing) == EncryptionState()
