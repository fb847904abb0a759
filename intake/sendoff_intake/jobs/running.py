"""A job that runs, as a step of it finds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sendoff_domain.message import DeathReason, Status
from sendoff_intake.jobs.rows import Requester
from sendoff_intake.jobs.selection import Selection
from sendoff_intake.submission import Result, Submission


@dataclass(frozen=True, slots=True)
class RunningJob:
    """A row of `take_step.sql`; `listed` is how many rejections of an import are kept already."""

    id: UUID
    kind: str
    selection: Mapping[str, Any]
    change: Mapping[str, Any]
    customer_id: str | None
    incarnation: int | None
    low: UUID
    high: UUID
    reached: UUID
    rate: int | None
    failures: int
    listed: int
    pieces: int
    held_bytes: int
    created_at: datetime
    requested_by: str
    request_id: str | None

    @property
    def requester(self) -> Requester:
        """Who made it."""
        return Requester(name=self.requested_by, request_id=self.request_id)

    def asked(self) -> Selection:
        """Which messages it is about; raises ValueError for words that this version does not know."""
        asked = self.selection
        return Selection(
            low=self.low,
            high=self.high,
            customer=self.customer_id,
            incarnation=self.incarnation,
            recipient=asked.get("to"),
            reference=asked.get("reference"),
            reason=DeathReason(asked["reason"]) if "reason" in asked else None,
            status=Status(asked["status"]) if "status" in asked else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken:
    """What came of a step: the counts of a job that has come to its end, and what an import has stored."""

    ended: Mapping[str, Any] | None = None
    submissions: Sequence[Submission] = ()
    results: Sequence[Result | Exception] = ()
