"""Why a message is not delivered yet."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sendoff_domain.explanation import Cause, Facts, explain

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SOON, LATER = NOW + timedelta(minutes=1), NOW + timedelta(hours=1)
BEFORE = NOW - timedelta(minutes=5)
DUE = Facts(
    customer="acme",
    now=NOW,
    due_at=BEFORE,
    failed_attempts=0,
    holder=None,
    lease_until=None,
    stopped_at=None,
    stop_reason=None,
    workers=2,
    paused_at=None,
    pause_reason=None,
    breaker_opened_at=None,
    probe_at=None,
    next_slot_at=None,
    concurrency=None,
    claimed=0,
    saturated_until=None,
)


@pytest.mark.parametrize(
    ("changes", "causes", "next_try_at"),
    [
        ({}, [Cause.TURN], NOW),
        ({"due_at": LATER}, [Cause.SCHEDULED], LATER),
        ({"due_at": LATER, "failed_attempts": 2}, [Cause.RETRY], LATER),
        ({"holder": "one", "lease_until": SOON}, [Cause.CLAIMED], BEFORE),
        ({"stopped_at": BEFORE}, [Cause.FLEET_STOPPED], None),
        ({"paused_at": BEFORE, "due_at": LATER}, [Cause.PAUSED, Cause.SCHEDULED], None),
        ({"workers": 0}, [Cause.NO_WORKER], None),
        ({"redis": "off"}, [Cause.TURN], NOW),
        ({"redis": "down", "due_at": LATER}, [Cause.REDIS, Cause.SCHEDULED], None),
        ({"redis": "full"}, [Cause.REDIS], None),
        ({"breaker_opened_at": BEFORE, "probe_at": SOON}, [Cause.BREAKER], SOON),
        ({"breaker_opened_at": BEFORE, "probe_at": SOON, "due_at": LATER}, [Cause.SCHEDULED, Cause.BREAKER], LATER),
        ({"next_slot_at": SOON}, [Cause.RATE], SOON),
        ({"next_slot_at": BEFORE}, [Cause.TURN], NOW),
        ({"concurrency": 3, "claimed": 3}, [Cause.CONCURRENCY], NOW),
        ({"concurrency": 3, "claimed": 2}, [Cause.TURN], NOW),
        ({"saturated_until": SOON}, [Cause.SATURATED], NOW),
    ],
)
def test_each_thing_that_holds_a_message_back_is_named(
    changes: dict[str, Any], causes: list[Cause], next_try_at: datetime | None
) -> None:
    explanation = explain(replace(DUE, **changes))
    assert [reason.cause for reason in explanation.reasons] == causes
    assert explanation.next_try_at == next_try_at


def test_the_words_say_since_when_and_why() -> None:
    explanation = explain(replace(DUE, paused_at=BEFORE, pause_reason="their maintenance"))
    expected = "customer acme is paused since 2026-11-24 11:55:00 UTC: their maintenance"
    assert explanation.reasons[0].detail == expected


def test_a_claimed_message_says_by_whom_and_until_when() -> None:
    reason = explain(replace(DUE, holder="host-1", lease_until=SOON)).reasons[0]
    assert "the instance host-1" in reason.detail
    assert reason.until == SOON
