"""How many requests a key has left: so many per second, and as many at once after a second of rest."""

import math
import time

#: So many keys are kept in mind; the oldest go first.
_MOST = 10_000


class RequestRates:
    """The rates of one process, each a moment up to which the key has used what it may (GCRA)."""

    def __init__(self) -> None:
        self._used_until: dict[str, float] = {}

    def take(self, key_id: str, rate: int) -> int:
        """Use one request of a key; returns 0, or the whole seconds after which to try again, and uses none then."""
        now = time.monotonic()
        used_until = max(self._used_until.pop(key_id, now), now) + 1 / rate
        wait = used_until - now - 1
        taken = wait <= 1e-9
        self._used_until[key_id] = used_until if taken else used_until - 1 / rate
        if len(self._used_until) > _MOST:
            del self._used_until[next(iter(self._used_until))]
        return 0 if taken else math.ceil(wait)
