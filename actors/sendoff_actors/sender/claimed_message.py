"""A message in the hands of this process."""

from sendoff_actors.handoffs import Claimed

#: No request starts on a lease that ends sooner than this (seconds); a renewal comes long before.
LEASE_MARGIN = 1.0


class ClaimedMessage:
    """One claimed message, from its arrival in this process until its outcome is recorded or it is given back.

    Its lease is renewed as long as it is held, so `lease_until` (Unix seconds of the database's clock) moves.
    `ready_at` (`time.monotonic()`) is since when it has been waiting for a slot.
    """

    __slots__ = ("claimed", "lease_until", "ready_at")

    def __init__(self, claimed: Claimed, lease_until: float) -> None:
        self.claimed = claimed
        self.lease_until = lease_until
        self.ready_at = 0.0

    def __lt__(self, other: "ClaimedMessage") -> bool:
        return self.claimed.due_at < other.claimed.due_at
