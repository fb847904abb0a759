"""Prolongs the leases of what this process holds."""

import asyncio
import contextlib
from datetime import timedelta

import psycopg
import structlog

from sendoff_actors.sender.holdings import ClaimedMessage, Holdings
from sendoff_db.clock import DatabaseClock
from sendoff_db.failures import describe
from sendoff_db.packed_arrays import pack_bigints, pack_uuids
from sendoff_db.pool import Pool
from sendoff_db.sql import ask
from sendoff_domain.errors import UnavailableError

log = structlog.get_logger("sendoff.sender")

#: A lease is renewed when less than this part of it is left.
_RENEWAL_SHARE = 0.6


class LeaseRenewal:
    """The service that renews leases, several times within the length of one.

    A message whose claim was lost keeps the end that its lease had: no request starts after it (`skip_reason`).
    """

    name = "lease renewal"

    def __init__(self, *, clock: DatabaseClock, holdings: Holdings, pool: Pool, lease: timedelta) -> None:
        self._clock = clock
        self._holdings = holdings
        self._pool = pool
        self._lease = lease

    async def wait(self) -> None:
        """Wait a fifth of a lease."""
        await asyncio.sleep(self._lease.total_seconds() * (1 - _RENEWAL_SHARE) / 2)

    async def run_once(self) -> None:
        """Renew the leases that end soon; without PostgreSQL they stay as they are, and the next turn comes in time."""
        ending = self._holdings.ending_before(self._clock.now() + self._lease.total_seconds() * _RENEWAL_SHARE)
        if not ending:
            return
        with contextlib.suppress(UnavailableError):
            await self._renew(ending)

    async def _renew(self, ending: list[ClaimedMessage]) -> None:
        """Renew those, in halves where one is refused, so that only its own lease runs out."""
        values = {
            "ids": pack_uuids([message.claimed.id for message in ending]),
            "tokens": pack_bigints([message.claimed.token for message in ending]),
            "lease": self._lease,
        }
        try:
            rows = await ask(self._pool, __package__, "renew_leases", values)
        except psycopg.Error as error:
            if len(ending) == 1:
                log.error("a lease can't be renewed", item=ending[0].claimed.id, error=describe(error))  # noqa: TRY400  no trace needed
                return
            middle = len(ending) // 2
            await self._renew(ending[:middle])
            await self._renew(ending[middle:])
            return
        renewed = {(message_id, token): lease_until for message_id, token, lease_until in rows}
        for message in ending:
            message.lease_until = renewed.get((message.claimed.id, message.claimed.token), message.lease_until)
