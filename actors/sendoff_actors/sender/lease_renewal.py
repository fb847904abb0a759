"""Renews the leases of the messages that this process holds, so that no other process claims them meanwhile."""

import asyncio
from datetime import timedelta

from sendoff_actors.sender.completer import Completer
from sendoff_actors.sender.holdings import Holdings
from sendoff_db.clock import DatabaseClock
from sendoff_domain.errors import UnavailableError

#: A lease is renewed when less than this part of it is left.
_RENEWAL_SHARE = 0.6


class LeaseRenewal:
    """The service that renews leases, several times within the length of one.

    A message whose claim was lost keeps the end that its lease had: no request starts after it (`last_look`).
    """

    name = "lease renewal"

    def __init__(self, *, clock: DatabaseClock, holdings: Holdings, completer: Completer, lease: timedelta) -> None:
        self._clock = clock
        self._holdings = holdings
        self._completer = completer
        self._lease = lease.total_seconds()

    async def wait(self) -> None:
        """Wait a fifth of a lease."""
        await asyncio.sleep(self._lease * (1 - _RENEWAL_SHARE) / 2)

    async def run_once(self) -> None:
        """Renew the leases that end soon; without PostgreSQL they stay as they are, and the next turn comes in time."""
        ending = self._holdings.ending_before(self._clock.now() + self._lease * _RENEWAL_SHARE)
        if not ending:
            return
        try:
            renewed = await self._completer.renew(ending)
        except UnavailableError:
            return
        for message in ending:
            message.lease_until = renewed.get(message.claimed.id, message.lease_until)
