"""What the workers must know of customers, read from PostgreSQL and kept for two seconds."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from psycopg.rows import class_row
from pydantic import ValidationError

from sendoff_db.failures import outages_as_unavailable
from sendoff_db.pool import Pool
from sendoff_db.sql import read_statement
from sendoff_domain.errors import DecryptionError
from sendoff_webhooks.customer import Columns, Customer, customer_of
from sendoff_webhooks.keys.encryption import KeyCipher

log = structlog.get_logger("sendoff.customers")

#: A change takes effect after this long at most (seconds).
_FRESH = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """A row of `load_customers.sql`."""

    has_many: bool
    columns: Columns
    breaker_open: bool
    sealed_keys: list[bytes]

    @property
    def id(self) -> str:
        return str(self.columns["id"])


class CustomerCache:
    """A cache of customers; `ensure` loads, `get` only looks. `has_many` once there are more customers than one."""

    def __init__(self, pool: Pool, key_cipher: KeyCipher) -> None:
        self._pool = pool
        self._key_cipher = key_cipher
        self._known: dict[str, Customer] = {}
        self._rows: dict[str, _Loaded] = {}
        self._read_at: dict[str, float] = {}
        self.has_many = False

    def get(self, customer_id: str) -> Customer | None:
        """The customer as last read, or None if there is none of that id."""
        return self._known.get(customer_id)

    async def ensure(self, ids: Iterable[str]) -> None:
        """Read those that are unknown or older than two seconds.

        Raises UnavailableError after an outage of the database; what is known stays.
        """
        now = time.monotonic()
        stale = sorted({id for id in ids if now - self._read_at.get(id, 0.0) > _FRESH})
        if not stale:
            return
        rows = await self._load(stale)
        found = {row.id: (row, self._read(row)) for row in rows}
        self.has_many = rows[0].has_many if rows else self.has_many
        for customer_id in stale:
            self._read_at[customer_id] = now
            self._known.pop(customer_id, None)
            self._rows.pop(customer_id, None)
        for customer_id, (row, customer) in found.items():
            self._rows[customer_id], self._known[customer_id] = row, customer

    def forget(self, customer_id: str) -> None:
        """Read this one anew when it is needed next: it was changed."""
        self._read_at.pop(customer_id, None)

    async def _load(self, ids: list[str]) -> list[_Loaded]:
        with outages_as_unavailable("load_customers"):
            async with (
                self._pool.connection() as connection,
                connection.cursor(row_factory=class_row(_Loaded)) as cursor,
            ):
                await cursor.execute(read_statement(__package__, "load_customers"), {"ids": ids})
                return await cursor.fetchall()

    def _read(self, row: _Loaded) -> Customer:
        """The customer; one that this process can't read is marked so, logged once, and holds back no other."""
        before = self._known.get(row.id)
        if before is not None and row == self._rows.get(row.id):
            return before
        try:
            keys = tuple(self._key_cipher.decrypt(key, row.id) for key in row.sealed_keys)
            return customer_of(row.columns).model_copy(update={"keys": keys, "breaker_open": row.breaker_open})
        except (DecryptionError, ValidationError) as error:
            if before is None or not before.unreadable:
                log.error("messages are held", customer=row.id, error=str(error))  # noqa: TRY400  no trace needed
            unreadable = before or Customer(id=row.id)
            return unreadable.model_copy(update={"unreadable": True})
