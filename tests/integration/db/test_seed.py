"""What a start writes, and what it leaves alone."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from pydantic import SecretStr

from sendoff_config.settings import Settings, WebhookSettings
from sendoff_db.pool import Connection
from sendoff_domain.backoff import RetryStrategy
from sendoff_domain.response_rule.rule import ResponseRule
from sendoff_domain.response_rule.schema_bounds import LARGEST
from sendoff_domain.signing_secret import format_secret
from sendoff_webhooks.keys.encryption import KeyCipher
from sendoff_webhooks.keys.signing_keys import read_keys
from sendoff_webhooks.seed import seed

KEY, OTHER = b"k" * 32, b"o" * 32


def webhook(key: bytes | None = None, url: str = "http://127.0.0.1:9000/") -> Settings:
    secret = None if key is None else SecretStr(format_secret(key))
    return Settings(webhook=WebhookSettings(url=url, secret=secret))


async def keys(connection: Connection) -> list[bytes]:
    return [one.key for one in await read_keys(connection, KeyCipher(), "default")]


async def customer(connection: Connection, column: str) -> object:
    cursor = await connection.execute(f"SELECT {column} FROM customers WHERE id = 'default'".encode())
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def test_the_default_customer_follows_the_file(connection: Connection) -> None:
    strategy = RetryStrategy(waits=(timedelta(seconds=1), timedelta(minutes=2)))
    await seed(connection, Settings(webhook=WebhookSettings(url="http://127.0.0.1:9000/"), retry=strategy))
    assert await customer(connection, "webhook_url") == "http://127.0.0.1:9000/"
    assert RetryStrategy.model_validate(await customer(connection, "retry")) == strategy
    await seed(connection, Settings())
    assert await customer(connection, "webhook_url") is None


async def test_the_version_rises_only_with_a_change(connection: Connection) -> None:
    before = await customer(connection, "version")
    await seed(connection, Settings())
    assert await customer(connection, "version") == before
    await seed(connection, webhook())
    assert await customer(connection, "version") != before


async def test_a_made_up_secret_is_kept(connection: Connection) -> None:
    first = await keys(connection)
    assert [len(key) for key in first] == [32]
    await seed(connection, Settings())
    assert await keys(connection) == first


async def test_a_configured_secret_replaces_any_other(connection: Connection) -> None:
    await seed(connection, webhook(KEY))
    assert await keys(connection) == [KEY]
    await seed(connection, webhook(OTHER))
    assert await keys(connection) == [OTHER]
    await seed(connection, webhook(None))
    assert await keys(connection) == [OTHER]


@pytest.mark.parametrize("key", [None, KEY])
async def test_five_that_start_at_once_write_it_once(
    sendoff_database: str, connection: Connection, key: bytes | None
) -> None:
    await connection.execute("DELETE FROM customers")
    await connection.execute("DELETE FROM control_state")

    async def start() -> None:
        async with await psycopg.AsyncConnection.connect(sendoff_database, autocommit=True) as own:
            await seed(own, webhook(key))

    await asyncio.gather(*(start() for _ in range(5)))
    assert len(await keys(connection)) == 1
    assert await customer(connection, "version") == 1


async def test_a_response_rule_at_its_bounds_is_valid_after_it_was_stored(connection: Connection) -> None:
    """PostgreSQL writes numbers its own way, which must not carry a schema over its bounds."""
    numbers = [0.0001, -0.0, 9.9e15, 1.0, 2**63 - 1, 123456.789]
    filling = "ü\\" * ((LARGEST - 200) // 4)
    rule = ResponseRule(
        body_schema={"enum": [*numbers, filling], "title": "b", "$comment": "a"}, final_statuses=("4xx",)
    )
    await seed(connection, Settings(webhook=WebhookSettings(url="http://127.0.0.1:9000/", response_rule=rule)))
    assert ResponseRule.model_validate(await customer(connection, "response_rule")) == rule
