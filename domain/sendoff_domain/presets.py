"""Retry strategies that have a name, each with its total span; jitter comes on top (docs/retries.md)."""

from collections.abc import Mapping
from typing import Any

#: What each name stands for, as it would be written out.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    # 10 attempts in 3 days, 3 hours and 35 minutes: what the Standard Webhooks specification suggests.
    "standard": {"waits": ("5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h")},
    # 5 attempts in 81 seconds: for messages that are worth nothing a few minutes later.
    "quick": {"waits": ("1s", "5s", "15s", "1m")},
    # 15 attempts in 6 days, 22 hours and 36 minutes: outlives a long weekend without people at the webhook.
    "patient": {"waits": ("10s", "1m", "5m", "30m", "1h", "3h", "6h", "12h", *("24h",) * 6)},
    # 1 attempt.
    "once": {"attempts": 1},
}


def preset(name: object) -> Mapping[str, Any]:
    """The strategy of that name; raises ValueError with the names that exist."""
    if isinstance(name, str) and name in PRESETS:
        return PRESETS[name]
    raise ValueError(
        f"expected one of {', '.join(PRESETS)}, or a strategy with keys of its own, got {str(name)[:80]!r}"
    )
