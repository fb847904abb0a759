"""Signing keys in a whole Sendoff: rotated without a gap, sealed in the database, and never in a log."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import TypeVar

import psycopg
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from sendoff_db.pool import Connection
from sendoff_domain.encryption_key import encryption_key_id, format_encryption_key
from sendoff_domain.signing_secret import format_secret
from sendoff_webhooks.keys.encryption import KeyCipher
from sendoff_webhooks.keys.reencryption import reencrypt
from sendoff_webhooks.keys.signing_keys import add_first_key, read_keys, rotate_key
from support.client import Client
from support.instances import Launcher, Process
from support.keys import replace_keys
from support.receiver import Received, Receiver
from support.waiting import wait_until

T = TypeVar("T")
FIRST, LOST = bytes(range(1, 33)), bytes(range(101, 133))
KEY, NEW = b"the old key of these tests......", b"the new key of these tests......"
KEY_CIPHER = KeyCipher([FIRST])


def on_database(url: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """What the work returns, on a connection of its own."""

    async def connected() -> T:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            return await work(connection)

    return asyncio.run(connected())


def worker(launch: Launcher, *encryption_keys: bytes, **settings: str) -> Process:
    """A worker with these encryption keys that logs everything."""
    keys = ", ".join(map(format_encryption_key, encryption_keys))
    return launch.worker("one", 0, 1, SECURITY__ENCRYPTION_KEYS=f"[{keys}]", LOGGING__LEVEL="debug", **settings)


def verifies(request: Received, key: bytes) -> bool:
    try:
        Webhook(format_secret(key)).verify(request.body, request.headers)
    except WebhookVerificationError:
        return False
    return True


def shown_forms(secret: bytes) -> set[bytes]:
    """How a secret would look in a log."""
    return {secret, base64.b64encode(secret), secret.hex().encode(), repr(secret)[2:-1].encode()}


@pytest.fixture
def database(sendoff_database: str) -> str:
    """A database whose default customer signs with KEY, sealed."""

    async def work(connection: Connection) -> None:
        await rotate_key(connection, KEY_CIPHER, "default", KEY, grace=timedelta(0))

    on_database(sendoff_database, work)
    return sendoff_database


@pytest.fixture(autouse=True)
def _no_secret_in_a_log(launch: Launcher) -> Iterator[None]:
    yield
    logs = b"".join(path.read_bytes() for path in launch.folder.glob("*.log"))
    assert logs
    found = [secret for key in (FIRST, LOST, KEY, NEW) for secret in shown_forms(key) if secret in logs]
    assert found == []


def sent_with_signatures(count: int, api: Client, receiver: Receiver) -> Received:
    """Send until a request carries so many signatures, since workers read customers anew every two seconds."""

    def sent() -> Received | None:
        message_id = api.send()
        api.wait_for(message_id, "sent")
        (request,) = receiver.of(message_id)
        return request if request.headers["webhook-signature"].count("v1,") == count else None

    return wait_until(sent, f"a request has {count} signatures")


def test_during_a_rotation_each_key_verifies_and_afterwards_only_the_new_one(
    launch: Launcher, api: Client, receiver: Receiver, database: str
) -> None:
    worker(launch, FIRST)
    before = sent_with_signatures(1, api, receiver)
    assert verifies(before, KEY)

    assert (
        on_database(database, lambda db: rotate_key(db, KEY_CIPHER, "default", NEW, grace=timedelta(hours=24))) == NEW
    )
    during = sent_with_signatures(2, api, receiver)
    first, second = during.headers["webhook-signature"].split(" ")
    assert (verifies(during, KEY), verifies(during, NEW)) == (True, True)
    for signature, key in ((first, NEW), (second, KEY)):
        Webhook(format_secret(key)).verify(during.body, {**during.headers, "webhook-signature": signature})

    with psycopg.connect(database) as connection:  # the grace has passed
        connection.execute("UPDATE customer_secrets SET expires_at = now() WHERE expires_at IS NOT NULL")
    after = sent_with_signatures(1, api, receiver)
    assert (verifies(after, KEY), verifies(after, NEW)) == (False, True)


def test_a_retry_has_the_same_id_and_a_fresh_timestamp_and_verifies(
    launch: Launcher, api: Client, receiver: Receiver, database: str
) -> None:
    receiver.answer(503)
    worker(launch, FIRST, RETRY__FIRST="1100ms", RETRY__ATTEMPTS="2")
    message_id = api.send()
    api.wait_for(message_id, "dead")

    first, second = receiver.of(message_id)
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    assert verifies(first, KEY)
    assert verifies(second, KEY)


def test_messages_of_a_customer_whose_key_does_not_open_are_held_without_attempts_and_others_are_sent(
    launch: Launcher, api: Client, receiver: Receiver, database: str
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO customers (id, name, webhook_url, timeout_ms, connect_timeout_ms, retry)"
            " VALUES ('acme', 'Acme', %s, 5000, 5000, '{}')",
            (receiver.url,),
        )
    on_database(database, lambda db: replace_keys(db, KeyCipher([LOST]), KEY))
    on_database(database, lambda db: add_first_key(db, KEY_CIPHER, "acme", NEW))
    without = worker(launch, FIRST, SCHEDULER__LEASE="2s")
    held = api.send()
    sent = [api.send(customer="acme") for _ in range(5)]

    for message_id in sent:
        api.wait_for(message_id, "sent")
    assert all(verifies(receiver.of(message_id)[0], NEW) for message_id in sent)

    def claimed() -> int:
        with psycopg.connect(database) as connection:
            row = connection.execute("SELECT token FROM due").fetchone()
        return 0 if row is None else int(row[0])

    wait_until(lambda: claimed() >= 2, "the message was claimed more than once")
    assert receiver.of(held) == []
    assert api.message(held)["attempts"] == 0
    assert without.stop() == 0
    said = [line for line in without.log.read_text().splitlines() if "messages are held" in line]
    assert len(said) == 1
    assert f"the encryption key {encryption_key_id(LOST).hex()}, which is not" in said[0]
    assert "SENDOFF_SECURITY__ENCRYPTION_KEYS" in said[0]

    worker(launch, FIRST, LOST)
    assert api.wait_for(held, "sent")["attempts"] == 1
    assert verifies(receiver.of(held)[0], KEY)


def test_keys_are_sealed_anew_while_messages_are_sent(
    launch: Launcher, api: Client, receiver: Receiver, database: str
) -> None:
    worker(launch, FIRST, LOST)
    sent_with_signatures(1, api, receiver)

    newer = KeyCipher([LOST, FIRST])
    assert on_database(database, lambda db: reencrypt(db, newer)).count == 1
    assert [one.key for one in on_database(database, lambda db: read_keys(db, KeyCipher([LOST]), "default"))] == [KEY]
    on_database(database, lambda db: rotate_key(db, newer, "default", NEW, grace=timedelta(hours=24)))

    assert verifies(sent_with_signatures(2, api, receiver), KEY)  # so the worker has read both of them anew
    assert all(verifies(request, KEY) for request in receiver.received)
