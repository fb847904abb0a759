"""Customers in the database: found, added and changed one at a time."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all, fetch_one, read_statement
from sendoff_webhooks.customer import Columns, Customer, customer_of
from sendoff_webhooks.keys.encryption import KeyCipher
from sendoff_webhooks.sealed_headers import hide_headers, seal_headers


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCustomer:
    """A customer as `find_customer.sql` gives it: its columns, and what has become of it since they were written."""

    columns: Columns
    version: int
    created_at: datetime
    updated_at: datetime
    paused: bool
    pause_reason: str | None
    paused_at: datetime | None
    breaker_opened_at: datetime | None
    next_probe_at: datetime | None

    @property
    def id(self) -> str:
        """The customer's id."""
        return str(self.columns["id"])

    @property
    def customer(self) -> Customer:
        """The customer as it is shown, without keys and sealed headers; raises ValidationError if it can't be read."""
        return customer_of({**self.columns, "headers": hide_headers(self.columns["headers"])})


async def find_customer(connection: Connection, customer_id: str) -> StoredCustomer | None:
    """One customer, or None."""
    async with connection.cursor(row_factory=class_row(StoredCustomer)) as cursor:
        await cursor.execute(read_statement(__package__, "find_customer"), {"id": customer_id})
        return await cursor.fetchone()


async def insert_customer(connection: Connection, columns: Columns, key_cipher: KeyCipher) -> bool:
    """Add a customer, its credentials sealed; False if there is one of its id."""
    ((incarnation,),) = await fetch_all(connection, __package__, "choose_incarnation")
    columns = seal_headers({**columns, "incarnation": incarnation}, key_cipher)
    return await fetch_one(connection, __package__, "insert_customer", {"columns": Jsonb(columns)}) is not None


async def update_customer(
    connection: Connection, columns: Columns, stored: StoredCustomer, key_cipher: KeyCipher
) -> bool:
    """Give a customer these columns, its credentials sealed, and the next version.

    False if it has another version than the stored one that was read, or is another customer of its id by now.
    """
    columns = seal_headers({**columns, "incarnation": stored.columns["incarnation"]}, key_cipher)
    values = {"columns": Jsonb(columns), "version": stored.version}
    return await fetch_one(connection, __package__, "update_customer", values) is not None
