"""Customers in the database: found, added and changed one at a time."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_one, read_statement
from sendoff_webhooks.customer import Columns, Customer, Document, customer_of, given_document


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
        """The customer, without its keys; raises ValidationError if this version can't read it."""
        return customer_of(self.columns)

    @property
    def given(self) -> Document:
        """The document that the customer could be created from."""
        return given_document(self.columns)


async def find_customer(connection: Connection, customer_id: str) -> StoredCustomer | None:
    """One customer, or None."""
    async with connection.cursor(row_factory=class_row(StoredCustomer)) as cursor:
        await cursor.execute(read_statement(__package__, "find_customer"), {"id": customer_id})
        return await cursor.fetchone()


async def insert_customer(connection: Connection, columns: Columns) -> bool:
    """Add a customer; False if there is one of its id."""
    return await fetch_one(connection, __package__, "insert_customer", {"columns": Jsonb(columns)}) is not None


async def update_customer(connection: Connection, columns: Columns, version: int) -> bool:
    """Give a customer these columns and the next version; False if it does not have this version any more."""
    values = {"columns": Jsonb(columns), "version": version}
    return await fetch_one(connection, __package__, "update_customer", values) is not None
