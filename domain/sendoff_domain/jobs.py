"""Jobs: what they do, which commands fit which state, and how fast they may go."""

import math
from datetime import datetime, timedelta
from enum import StrEnum

from sendoff_domain.access import Scope

#: How many messages one step takes at most: a lock is held for milliseconds, whatever there is to do.
LARGEST_STEP = 500
#: How often a job with a rate takes a step, at most (per second).
_STEPS_PER_SECOND = 4
#: A rate that is not given is this part of what was sent lately, so that sending again is no attack.
_PART = 5
SMALLEST_DEFAULT, LARGEST_RATE = 10, 10_000
#: What was sent within less (seconds) is no rate yet.
_SHORTEST_SPAN = 10.0
#: A step that can't be done is tried again after pauses (seconds) that double up to the longest.
_LONGEST_PAUSE = 60.0
#: So many steps in a row that fail for what they are to change end a job.
MOST_FAILURES = 5
#: An import is uploaded in pieces of so many bytes and messages at most, each of which is one step; so many of them it
#: may have, and so much they may take, compressed: those of one import, and those of all.
MOST_PIECE_BYTES, MOST_PIECE_ITEMS, MOST_PIECES = 4 * 1024 * 1024, LARGEST_STEP, 2_000
MOST_BYTES_HELD, MOST_BYTES_HELD_BY_ALL = 512 * 1024 * 1024, 2 * 1024 * 1024 * 1024
#: An export has so many messages at most, so many of them in a piece, and is kept for so long after its end.
MOST_EXPORTED, LARGEST_EXPORT_STEP, EXPORT_KEPT_FOR = 1_000_000, 100, timedelta(hours=24)
#: So many lines that it refuses are listed, each with so many of its mistakes.
MOST_REJECTIONS, MOST_ERRORS_OF_LINE = 100, 10
#: How long (seconds) an import waits for room in a customer's backlog before it looks again.
PAUSE_FOR_ROOM = 5.0
#: A job that waits for somebody's word is cancelled after so long.
LONGEST_HOLD = timedelta(hours=24)


class JobKind(StrEnum):
    """What a job does with each message."""

    RESEND_DEAD_LETTERS = "dead-letters.resend"
    PURGE_DEAD_LETTERS = "dead-letters.purge"
    CANCEL_MESSAGES = "messages.cancel"
    RESCHEDULE_MESSAGES = "messages.reschedule"
    IMPORT_MESSAGES = "messages.import"
    EXPORT_MESSAGES = "messages.export"


class JobState(StrEnum):
    """Where a job is: `held` was not started yet, `paused` was."""

    HELD = "held"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class JobCommand(StrEnum):
    """What somebody may want of a job."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


#: Where a job comes to rest for good, or until it is resumed after a failure.
FINISHED = frozenset({JobState.DONE, JobState.CANCELLED, JobState.FAILED})
#: The state that a command leads to.
WANTED = {
    JobCommand.PAUSE: JobState.PAUSED,
    JobCommand.RESUME: JobState.RUNNING,
    JobCommand.CANCEL: JobState.CANCELLED,
}
#: The states from which it leads there; in that state already, a command is no mistake and changes nothing.
LEAD_THERE = {
    JobCommand.PAUSE: frozenset({JobState.RUNNING}),
    JobCommand.RESUME: frozenset({JobState.HELD, JobState.PAUSED, JobState.FAILED}),
    JobCommand.CANCEL: frozenset({JobState.HELD, JobState.RUNNING, JobState.PAUSED, JobState.FAILED}),
}


def scope_of(kind: JobKind) -> Scope:
    """What a key must be allowed to make, command and follow jobs of that kind."""
    if kind is JobKind.EXPORT_MESSAGES:
        return Scope.READ_MESSAGES
    return Scope.DEAD_LETTERS if kind.startswith("dead-letters.") else Scope.WRITE_MESSAGES


def expires_at(kind: JobKind, state: JobState, created_at: datetime, finished_at: datetime | None) -> datetime | None:
    """When a held job is cancelled that nobody starts, and what an export has made is deleted; else None."""
    if state is JobState.HELD:
        return created_at + LONGEST_HOLD
    if kind is JobKind.EXPORT_MESSAGES and state is JobState.DONE and finished_at is not None:
        return finished_at + EXPORT_KEPT_FOR
    return None


def default_rate(sent: int, seconds: float) -> int:
    """Messages per second that a resend may go without being told, where `sent` were sent in these seconds."""
    return min(LARGEST_RATE, max(SMALLEST_DEFAULT, math.floor(sent / max(seconds, _SHORTEST_SPAN) / _PART)))


def step_size(rate: int | None) -> int:
    """How many messages the next step may take."""
    return LARGEST_STEP if rate is None else min(LARGEST_STEP, max(1, rate // _STEPS_PER_SECOND))


def pause_after(taken: int, rate: int | None, seconds: float) -> float:
    """How long to wait after a step that took so many messages in so many seconds: its rate's worth, or as long again.

    Nothing is made up for: no stretch of time sees more than the rate allows, and one step.
    """
    return seconds if rate is None else max(taken / rate, seconds)


def pause_after_failure(failures: int) -> float:
    """How long to wait (seconds) after so many failures in a row."""
    return min(_LONGEST_PAUSE, 2.0 ** min(failures - 1, 10))


def progress(*, matched: int, taken: int, state: JobState) -> float:
    """The part that is behind a job, from 0 to 1."""
    if state is JobState.DONE:
        return 1.0
    return min(1.0, taken / matched) if matched else 0.0
