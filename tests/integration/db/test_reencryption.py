"""Stored keys: nothing of them shows, and a new encryption key seals all of them anew, step by step."""

import psycopg
import pytest

from sendoff_config.settings import Settings
from sendoff_db.migrator import migrate
from sendoff_db.pool import Connection
from sendoff_domain.encryption_key import encryption_key_id, format_encryption_key
from sendoff_domain.signing_secret import format_secret
from sendoff_webhooks.keys.encryption import KeyCipher, Place
from sendoff_webhooks.keys.reencryption import EncryptionState, Reencrypted, examine_encryption, reencrypt
from sendoff_webhooks.keys.signing_keys import read_keys
from sendoff_webhooks.seed import seed
from support.keys import put_keys

FIRST, SECOND, LOST = b"1" * 32, b"2" * 32, b"3" * 32
KEY = bytes(range(7, 39))
MANY = 1203
NUMBERED = [b"%032d" % number for number in range(MANY)]


def settings(*encryption_keys: bytes, secret: bytes | None = KEY) -> Settings:
    document = {
        "webhook": {"secret": format_secret(secret)} if secret else {},
        "security": {"encryptionKeys": [format_encryption_key(key) for key in encryption_keys]},
    }
    return Settings.model_validate(document)


async def headers(connection: Connection) -> dict[bytes, int]:
    cursor = await connection.execute("SELECT substring(sealed_key FOR 5), count(*) FROM customer_secrets GROUP BY 1")
    return dict(await cursor.fetchall())


async def test_the_bytes_on_the_disk_hold_no_key(empty: Connection) -> None:
    await migrate(empty)
    await seed(empty, settings(FIRST))
    await empty.execute("CHECKPOINT")
    cursor = await empty.execute("SELECT pg_read_binary_file(pg_relation_filepath('customer_secrets'))")
    row = await cursor.fetchone()
    assert row is not None
    assert b"\1" + encryption_key_id(FIRST) in row[0]
    assert KEY not in row[0]
    assert KEY[4:12] not in row[0]


async def test_plain_keys_are_sealed_when_that_is_asked_for(connection: Connection) -> None:
    await seed(connection, settings())
    refused = await reencrypt(connection, KeyCipher([FIRST]))
    assert (refused.count, refused.undecryptable) == (0, 1)
    assert "customer default is stored plain: run `sendoff migrate --seal-plain`" in str(refused.error)
    assert await examine_encryption(connection, KeyCipher([FIRST])) == EncryptionState(refused=1)
    assert await reencrypt(connection, KeyCipher([FIRST]), seal_plain=True) == Reencrypted(1)
    assert await headers(connection) == {b"\1" + encryption_key_id(FIRST): 1}
    assert await reencrypt(connection, KeyCipher([FIRST])) == Reencrypted(0)


async def test_a_new_first_key_seals_everything_anew_and_the_old_one_can_go(connection: Connection) -> None:
    await connection.execute("DELETE FROM customer_secrets")
    await put_keys(connection, KeyCipher([FIRST]), NUMBERED)
    assert await examine_encryption(connection, KeyCipher([SECOND, FIRST])) == EncryptionState(outdated=MANY)
    assert await reencrypt(connection, KeyCipher([SECOND, FIRST])) == Reencrypted(MANY)
    found = await read_keys(connection, KeyCipher([SECOND]), "default")
    assert [one.key for one in reversed(found)] == NUMBERED


async def test_after_a_crash_on_the_way_both_keys_are_needed_and_the_next_start_does_the_rest(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connection.execute("DELETE FROM customer_secrets")
    await put_keys(connection, KeyCipher([FIRST]), NUMBERED)
    await connection.execute(
        "CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'crash'; END $$"
    )
    await connection.execute(
        f"CREATE TRIGGER crash BEFORE UPDATE ON customer_secrets FOR EACH ROW"
        f" WHEN (mod(old.id, {MANY}) = 800) EXECUTE FUNCTION crash()".encode()
    )
    both = KeyCipher([SECOND, FIRST])
    with pytest.raises(psycopg.errors.RaiseException):
        await reencrypt(connection, both)
    sealed = await headers(connection)
    assert set(sealed) == {b"\1" + encryption_key_id(key) for key in (FIRST, SECOND)}
    assert len(await read_keys(connection, both, "default")) == MANY
    await connection.execute("DROP TRIGGER crash ON customer_secrets")
    await reencrypt(connection, both)
    assert await headers(connection) == {b"\1" + encryption_key_id(SECOND): MANY}


async def test_what_does_not_open_is_counted_and_left_as_it_is(connection: Connection) -> None:
    await connection.execute("DELETE FROM customer_secrets")
    await put_keys(connection, KeyCipher([LOST]), [KEY, KEY])
    await put_keys(connection, KeyCipher(), [KEY])
    assert await examine_encryption(connection, KeyCipher([FIRST])) == EncryptionState(undecryptable=2, refused=1)
    done = await reencrypt(connection, KeyCipher([FIRST]))
    assert (done.count, done.undecryptable) == (0, 3)
    assert encryption_key_id(LOST).hex() in str(done.error)
    assert (await headers(connection))[b"\1" + encryption_key_id(LOST)] == 2


async def test_a_key_that_is_changed_meanwhile_is_left_alone(connection: Connection) -> None:
    await seed(connection, settings())
    newer = b"\1 sealed by somebody else"
    statement = "UPDATE customer_secrets SET sealed_key = %s"

    class Meddling(KeyCipher):
        """Somebody else seals the row anew between its reading and its writing."""

        def encrypt(self, secret: bytes, place: Place) -> bytes:
            with psycopg.connect(connection.info.dsn, password=connection.info.password) as other:
                other.execute(statement, (newer,))
            return super().encrypt(secret, place)

    assert (await reencrypt(connection, Meddling([FIRST]), seal_plain=True)).count == 0
    cursor = await connection.execute("SELECT sealed_key FROM customer_secrets")
    assert await cursor.fetchall() == [(newer,)]


async def test_a_start_seals_the_made_up_key_and_keeps_one_that_does_not_open(connection: Connection) -> None:
    await connection.execute("DELETE FROM customer_secrets")
    await seed(connection, settings(FIRST, secret=None))
    before = await headers(connection)
    assert before == {b"\1" + encryption_key_id(FIRST): 1}
    await seed(connection, settings(SECOND, secret=None))
    assert await headers(connection) == before


async def test_a_configured_key_replaces_one_that_does_not_open(connection: Connection) -> None:
    await connection.execute("DELETE FROM customer_secrets")
    await seed(connection, settings(LOST))
    await seed(connection, settings(FIRST))
    assert await headers(connection) == {b"\1" + encryption_key_id(FIRST): 1}
    assert [one.key for one in await read_keys(connection, KeyCipher([FIRST]), "default")] == [KEY]
