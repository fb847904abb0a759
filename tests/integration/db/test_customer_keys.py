"""Signing keys: a new one comes first, the old ones run out, and never more than ten are valid."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from sendoff_db.pool import Connection
from sendoff_db.retention import drop_expired
from sendoff_domain.errors import DecryptionError
from sendoff_webhooks.keys.encryption import KeyCipher
from sendoff_webhooks.keys.signing_keys import MOST_KEYS, add_first_key, read_keys, rotate_key

DAY = timedelta(days=1)
KEY_CIPHER = KeyCipher([b"1" * 32])
KEY, OTHER = b"k" * 32, b"o" * 32


async def key_of(
    number: int, connection: Connection, grace: timedelta = DAY, key_cipher: KeyCipher = KEY_CIPHER
) -> bytes | None:
    """Rotate to a key that is known by its number."""
    return await rotate_key(connection, key_cipher, "acme", bytes([number]) * 32, grace=grace)


async def valid(connection: Connection) -> list[bytes]:
    return [one.key for one in await read_keys(connection, KEY_CIPHER, "acme")]


async def stored(connection: Connection) -> int:
    cursor = await connection.execute("SELECT count(*) FROM customer_secrets WHERE customer_id = 'acme'")
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
async def acme(connection: Connection) -> Connection:
    """A connection to a database with a customer that has the key KEY."""
    await connection.execute(
        "INSERT INTO customers (id, name, timeout_ms, connect_timeout_ms, retry) VALUES ('acme', 'Acme', 1, 1, '{}')"
    )
    assert await add_first_key(connection, KEY_CIPHER, "acme", KEY) == KEY
    return connection


async def test_a_rotation_puts_the_new_key_first_and_lets_the_old_one_run_out(acme: Connection) -> None:
    assert await rotate_key(acme, KEY_CIPHER, "acme", OTHER, grace=DAY) == OTHER
    new, old = await read_keys(acme, KEY_CIPHER, "acme")
    assert (new.key, new.expires_at) == (OTHER, None)
    assert old.key == KEY
    assert old.expires_at is not None
    assert abs(old.expires_at - datetime.now(UTC) - DAY) < timedelta(minutes=1)
    assert new.created_at >= old.created_at


async def test_without_a_key_one_is_made_up(acme: Connection) -> None:
    assert await rotate_key(acme, KEY_CIPHER, "acme", None, grace=DAY, entropy=lambda size: b"e" * size) == b"e" * 32
    assert await valid(acme) == [b"e" * 32, KEY]
    made = await rotate_key(acme, KEY_CIPHER, "acme", None, grace=DAY)
    assert made is not None
    assert len(made) == 32


async def test_without_a_grace_the_old_key_is_over_at_once(acme: Connection) -> None:
    await rotate_key(acme, KEY_CIPHER, "acme", OTHER, grace=timedelta(0))
    assert await valid(acme) == [OTHER]
    assert await stored(acme) == 1


async def test_a_later_rotation_never_prolongs_a_key(acme: Connection) -> None:
    await key_of(1, acme, timedelta(hours=1))
    (_, before) = await read_keys(acme, KEY_CIPHER, "acme")
    await key_of(2, acme, 7 * DAY)
    _, first, oldest = await read_keys(acme, KEY_CIPHER, "acme")
    assert oldest.expires_at == before.expires_at
    assert first.expires_at is not None
    assert first.expires_at - datetime.now(UTC) > 6 * DAY


async def test_of_more_than_ten_valid_keys_the_oldest_go(acme: Connection) -> None:
    for number in range(12):
        await key_of(number, acme)
    assert MOST_KEYS == 10
    assert await valid(acme) == [bytes([number]) * 32 for number in range(11, 1, -1)]
    assert await stored(acme) == 10


async def test_a_rotation_that_is_repeated_leaves_one_key_of_each_kind(acme: Connection) -> None:
    await rotate_key(acme, KEY_CIPHER, "acme", OTHER, grace=DAY)
    await rotate_key(acme, KEY_CIPHER, "acme", OTHER, grace=DAY)
    assert await valid(acme) == [OTHER, KEY]


async def test_a_rotation_back_to_an_older_key_makes_it_the_newest_for_good(acme: Connection) -> None:
    await rotate_key(acme, KEY_CIPHER, "acme", OTHER, grace=DAY)
    await rotate_key(acme, KEY_CIPHER, "acme", KEY, grace=DAY)
    newest, _ = await read_keys(acme, KEY_CIPHER, "acme")
    assert (newest.key, newest.expires_at) == (KEY, None)


async def test_a_customer_that_does_not_exist_gets_no_key(acme: Connection) -> None:
    assert await rotate_key(acme, KEY_CIPHER, "nobody", None, grace=DAY) is None
    assert await read_keys(acme, KEY_CIPHER, "nobody") == []


async def test_rotations_at_once_leave_one_key_without_an_end(acme: Connection, sendoff_database: str) -> None:
    async def rotate(number: int) -> None:
        async with await psycopg.AsyncConnection.connect(sendoff_database, autocommit=True) as own:
            await key_of(number, own)

    await asyncio.gather(*(rotate(number) for number in range(12)))
    keys = await read_keys(acme, KEY_CIPHER, "acme")
    assert len(keys) == MOST_KEYS
    assert [key.expires_at is None for key in keys] == [True] + [False] * 9


async def test_expired_keys_are_deleted_by_the_clean_up(acme: Connection) -> None:
    await rotate_key(acme, KEY_CIPHER, "acme", OTHER, grace=timedelta(milliseconds=1))
    assert await stored(acme) == 2
    await drop_expired(acme, DAY)
    assert await stored(acme) == 1
    assert await valid(acme) == [OTHER]


async def test_a_key_that_does_not_open_is_an_error_when_read_and_no_hindrance_to_a_rotation(acme: Connection) -> None:
    await key_of(1, acme, key_cipher=KeyCipher([b"9" * 32]))
    with pytest.raises(DecryptionError, match="customer acme"):
        await read_keys(acme, KEY_CIPHER, "acme")
    await rotate_key(acme, KEY_CIPHER, "acme", OTHER, grace=timedelta(0))
    assert await valid(acme) == [OTHER]


async def test_a_stored_key_that_was_moved_to_another_customer_does_not_open(acme: Connection) -> None:
    await acme.execute("UPDATE customer_secrets SET customer_id = 'default' WHERE customer_id = 'acme'")
    with pytest.raises(DecryptionError, match="default is damaged, or was sealed for another row"):
        await read_keys(acme, KEY_CIPHER, "default")


async def test_the_keys_go_with_their_customer(acme: Connection) -> None:
    await acme.execute("DELETE FROM customers WHERE id = 'acme'")
    assert await stored(acme) == 0


async def test_a_key_does_not_show_in_its_repr(acme: Connection) -> None:
    assert repr(KEY) not in repr(await read_keys(acme, KEY_CIPHER, "acme"))


async def test_an_old_sealed_key_that_is_put_back_does_not_open(acme: Connection) -> None:
    """By who can write to the database and has a backup of it."""
    cursor = await acme.execute("SELECT sealed_key FROM customer_secrets WHERE customer_id = 'acme'")
    ((old,),) = await cursor.fetchall()
    await rotate_key(acme, KEY_CIPHER, "acme", OTHER, grace=DAY)
    await acme.execute("UPDATE customer_secrets SET sealed_key = %s WHERE customer_id = 'acme'", (old,))
    with pytest.raises(DecryptionError, match="its row was changed"):
        await read_keys(acme, KEY_CIPHER, "acme")
    await rotate_key(acme, KEY_CIPHER, "acme", OTHER, grace=timedelta(0))
    await acme.execute("INSERT INTO customer_secrets (customer_id, sealed_key) VALUES ('acme', %s)", (old,))
    with pytest.raises(DecryptionError, match="was sealed for another row"):
        await read_keys(acme, KEY_CIPHER, "acme")


async def test_a_key_whose_end_was_taken_away_does_not_open(acme: Connection) -> None:
    await rotate_key(acme, KEY_CIPHER, "acme", OTHER, grace=DAY)
    assert await valid(acme) == [OTHER, KEY]
    await acme.execute("UPDATE customer_secrets SET expires_at = NULL WHERE customer_id = 'acme'")
    with pytest.raises(DecryptionError, match="its row was changed"):
        await read_keys(acme, KEY_CIPHER, "acme")


async def test_a_key_does_not_open_for_the_next_customer_of_the_id(acme: Connection) -> None:
    await acme.execute("UPDATE customers SET incarnation = nextval('customer_incarnations') WHERE id = 'acme'")
    with pytest.raises(DecryptionError, match="customer acme"):
        await read_keys(acme, KEY_CIPHER, "acme")
