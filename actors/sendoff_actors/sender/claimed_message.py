"""A message in the hands of this process."""

from sendoff_actors.handoffs import Claimed


class ClaimedMessage:
    """One claimed message, from the moment it arrives here until its outcome is recorded or it is given back.

    It is renewed as long as it is held, so `lease_until` (Unix seconds of the database's clock) moves. `ready_at`
    (`time.monotonic()`) is since when it has been waiting for a slot.
    """

    __slots__ = ("claimed", "lease_until", "ready_at")

    def __init__(self, claimed: Claimed, lease_until: float) -> None:
        self.claimed = claimed
        self.lease_until = lease_until
        self.ready_at = 0.0

    def __lt__(self, other: "ClaimedMessage") -> bool:
        return self.claimed.due_at < other.claimed.due_at
