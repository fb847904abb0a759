"""What the workers must know of customers, read from PostgreSQL and kept for two seconds."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from psycopg.rows import class_row
from pydantic import ValidationError

from sendoff_db.failures import outages_as_unavailable
from sendoff_db.pool import Pool
from sendoff_db.sql import read_statement
from sendoff_domain.errors import DecryptionError
from sendoff_webhooks.customer import Columns, Customer, customer_of
from sendoff_webhooks.keys.encryption import KeyCipher, Place, key_place
from sendoff_webhooks.sealed_headers import open_headers

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
    key_ids: list[int]
    key_starts: list[datetime]
    key_ends: list[datetime | None]

    @property
    def id(self) -> str:
        return str(self.columns["id"])

    @property
    def incarnation(self) -> int:
        return int(self.columns["incarnation"])

    def places(self) -> list[Place]:
        """Where each of the keys is stored."""
        rows = zip(self.key_ids, self.key_starts, self.key_ends, strict=True)
        return [
            key_place(self.id, incarnation=self.incarnation, key_id=key_id, created_at=start, expires_at=end)
            for key_id, start, end in rows
        ]


class CustomerCache:
    """A cache of customers by incarnation, so that none of them is taken for an earlier one of its id.

    `ensure` loads, `get` only looks. `has_many` once there are more customers than one.
    """

    def __init__(self, pool: Pool, key_cipher: KeyCipher) -> None:
        self._pool = pool
        self._key_cipher = key_cipher
        self._known: dict[int, Customer] = {}
        self._rows: dict[int, _Loaded] = {}
        self._read_at: dict[int, float] = {}
        self._latest: dict[str, int] = {}
        self.has_many = False

    def get(self, incarnation: int) -> Customer | None:
        """The customer as last read, or None if there is none, or none any more."""
        return self._known.get(incarnation)

    def named(self, customer_id: str) -> Customer | None:
        """The customer of this id as last read, the latest of them, or None if none is known."""
        return self._known.get(self._latest.get(customer_id, 0))

    async def ensure(self, incarnations: Iterable[int]) -> None:
        """Read those that are unknown or older than two seconds.

        Raises UnavailableError after an outage of the database; what is known stays.
        """
        now = time.monotonic()
        stale = sorted({one for one in incarnations if now - self._read_at.get(one, 0.0) > _FRESH})
        if not stale:
            return
        rows = await self._load(stale)
        found = {row.incarnation: (row, self._read(row)) for row in rows}
        self.has_many = rows[0].has_many if rows else self.has_many
        for incarnation in stale:
            self._read_at[incarnation] = now
            self._known.pop(incarnation, None)
            self._rows.pop(incarnation, None)
        for incarnation, (row, customer) in found.items():
            self._rows[incarnation], self._known[incarnation] = row, customer
            self._latest[row.id] = max(incarnation, self._latest.get(row.id, 0))

    def forget(self, customer_id: str) -> None:
        """Read this one anew when it is needed next: it was changed."""
        self._read_at.pop(self._latest.get(customer_id, 0), None)

    async def _load(self, incarnations: list[int]) -> list[_Loaded]:
        with outages_as_unavailable("load_customers"):
            async with (
                self._pool.connection() as connection,
                connection.cursor(row_factory=class_row(_Loaded)) as cursor,
            ):
                await cursor.execute(read_statement(__package__, "load_customers"), {"incarnations": incarnations})
                return await cursor.fetchall()

    def _read(self, row: _Loaded) -> Customer:
        """The customer; one that this process can't read is marked so, logged once, and holds back no other."""
        before = self._known.get(row.incarnation)
        if before is not None and row == self._rows.get(row.incarnation):
            return before
        try:
            sealed = zip(row.sealed_keys, row.places(), strict=True)
            keys = tuple(self._key_cipher.decrypt(key, place) for key, place in sealed)
            return customer_of(open_headers(row.columns, self._key_cipher)).model_copy(
                update={"keys": keys, "breaker_open": row.breaker_open}
            )
        except (DecryptionError, ValidationError) as error:
            if before is None or not before.unreadable:
                log.error("messages are held", customer=row.id, error=_reason(error))  # noqa: TRY400  no trace needed
            unreadable = before or Customer(id=row.id)
            return unreadable.model_copy(update={"unreadable": True})


def _reason(error: DecryptionError | ValidationError) -> str:
    """What is wrong, without the values: headers among them are secret."""
    if isinstance(error, DecryptionError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in error.errors(include_input=False))
