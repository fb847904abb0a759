"""Hand-offs as a test needs them: every field has a value, and the test names only what matters to it."""

from typing import Any

import msgspec

from sendoff_actors.handoffs import Claimed, FailedAttempt
from sendoff_actors.sender.holdings import ClaimedMessage
from sendoff_domain.outcome import ErrorClass

_CLAIMED = Claimed(
    id="0192f0c1d2e37a4b8c5d6e7f80910203",
    customer="default",
    incarnation=1,
    due_at=1_800_000_000.0,
    expires_at=None,
    attempts=0,
    generation=0,
    token=1,
    payload='{"id":"msg_0192f0c1d2e37a4b8c5d6e7f80910203","to":"a","content":"b","metadata":{}}',
)
_FAILED = FailedAttempt(
    id=_CLAIMED.id,
    customer="default",
    incarnation=1,
    token=1,
    attempt=1,
    generation=0,
    expires_at=None,
    started_at=1_800_000_000.0,
    duration_us=250_000,
    status_code=500,
    error_class=ErrorClass.STATUS,
    detail="the webhook answered 500",
    answer=b"",
    retry_after=None,
    final=False,
)


def claimed(**changes: Any) -> Claimed:
    """A claimed message of its first attempt, with these fields changed."""
    return msgspec.structs.replace(_CLAIMED, **changes)


def failed_attempt(**changes: Any) -> FailedAttempt:
    """A first attempt that was answered with 500, with these fields changed."""
    return msgspec.structs.replace(_FAILED, **changes)


def claimed_message(**changes: Any) -> ClaimedMessage:
    """A claimed message in the Sender's hands."""
    message = claimed(**changes)
    return ClaimedMessage(message, message.due_at + 8)
