"""Stored signing keys, changed behind the back of Sendoff as who can write to its database could."""

from psycopg import AsyncConnection

from sendoff_webhooks.keys.encryption import KeyCipher, key_place


async def put_keys(db: AsyncConnection, key_cipher: KeyCipher, keys: list[bytes], customer: str = "default") -> None:
    """Give a customer these keys, the last one the newest, in few statements."""
    cursor = await db.execute(
        b"INSERT INTO customer_secrets (customer_id, sealed_key) SELECT %s, '' FROM generate_series(1, %s)"
        b" RETURNING id, created_at, (SELECT incarnation FROM customers WHERE id = %s)",
        (customer, len(keys), customer),
    )
    rows = await cursor.fetchall()
    sealed = [
        key_cipher.encrypt(
            key, key_place(customer, incarnation=incarnation, key_id=id, created_at=created, expires_at=None)
        )
        for key, (id, created, incarnation) in zip(keys, rows, strict=True)
    ]
    await db.execute(
        b"UPDATE customer_secrets SET sealed_key = given.sealed"
        b" FROM unnest(%s::bigint[], %s::bytea[]) AS given (id, sealed) WHERE customer_secrets.id = given.id",
        ([row[0] for row in rows], sealed),
    )


async def replace_keys(db: AsyncConnection, key_cipher: KeyCipher, *keys: bytes, customer: str = "default") -> None:
    """Let these be all keys of a customer."""
    await db.execute(b"DELETE FROM customer_secrets WHERE customer_id = %s", (customer,))
    await put_keys(db, key_cipher, list(keys), customer)
