"""One line of the log for an attempt, with all that one may want to find it by: whose it was, and what came of it.

No line has what a message says, what a webhook answered, or an address: a URL may have a secret in it.
"""

from typing import Any

import structlog

from sendoff_actors.handoffs import Claimed
from sendoff_config.logging_settings import LoggedAttempts
from sendoff_domain.outcome import Delivered, Outcome
from sendoff_domain.trace_context import trace_id_of

log = structlog.get_logger("sendoff.attempts")


class AttemptLog:
    """Writes the lines; its caller looks at `delivered` and `failed` first, which say what is wanted."""

    def __init__(self, wanted: LoggedAttempts) -> None:
        self.delivered = wanted == "all"
        self.failed = wanted != "none"

    def write(self, claimed: Claimed, outcome: Outcome, started_at: float) -> None:
        """Write the line of an attempt that began at `started_at` (Unix seconds of the database's clock)."""
        log.info("attempt", **attempt_line(claimed, outcome, started_at))


def attempt_line(claimed: Claimed, outcome: Outcome, started_at: float) -> dict[str, Any]:
    """The fields of the line; `late_ms` counts from the time that the message was due, whatever held it since."""
    line: dict[str, Any] = {
        "message": f"msg_{claimed.id}",
        "customer": claimed.customer,
        "attempt": claimed.attempts + 1,
        "outcome": "delivered" if isinstance(outcome, Delivered) else outcome.error_class.value,
        "status": outcome.status_code,
        "ms": round(outcome.duration_us / 1000, 1),
        "late_ms": round((started_at - claimed.due_at + claimed.moved) * 1000, 1),
    }
    if claimed.generation:
        line["generation"] = claimed.generation
    if claimed.trace is not None:
        line["trace_id"] = trace_id_of(claimed.trace)
    return line
