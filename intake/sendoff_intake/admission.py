"""Whose messages are let in: a customer of whom as many wait as may (`limits.backlog`) gets no more in for now.

An `Admitter` decides, and an `Admission` is what it decided on some submissions; what they pass through is
`sendoff_intake.group_commit.AdmittingIntake`.
"""

from collections.abc import Mapping, Sequence

import structlog
from prometheus_client import Counter

from sendoff_intake.backlog_figures import BacklogFigures, Line
from sendoff_intake.store import Chunks
from sendoff_intake.submission import Reason, Rejected, Result, Stored, Submission

#: Of each limited customer its limit and its line.
Figures = Mapping[str, tuple[int, Line]]
_log = structlog.get_logger("sendoff.accept")


class Admission:
    """Which of some submissions are `admitted`, in their order, and why the others are `rejected`, by their places.

    What is admitted counts as waiting at once. An admission must be ended or given up, whatever became of it.
    """

    def __init__(self, submissions: Sequence[Submission], figures: Figures, rejected: Mapping[int, Rejected]) -> None:
        self.rejected = rejected
        self.admitted = [one for index, one in enumerate(submissions) if index not in rejected]
        self._figures = figures
        self._is_ended = False

    def end(self, results: Sequence[Result | Exception]) -> list[Result | Exception]:
        """The results of all, from those of the admitted ones. What was not stored anew waits no longer."""
        self._is_ended = True
        if not self._figures:
            return list(results)
        for submission, result in zip(self.admitted, results, strict=True):
            self._leave(submission, waits=isinstance(result, Stored) and not result.replayed)
        of_admitted = iter(results)
        places = range(len(self.admitted) + len(self.rejected))
        return [self.rejected[place] if place in self.rejected else next(of_admitted) for place in places]

    def give_up(self) -> None:
        """End it without results, unless it has ended: the next count tells what was stored."""
        if not self._is_ended:
            self._is_ended = True
            for submission in self.admitted:
                self._leave(submission, waits=True)

    def _leave(self, submission: Submission, *, waits: bool) -> None:
        if submission.message.customer in self._figures:
            _, line = self._figures[submission.message.customer]
            line.under_way -= 1
            line.waiting -= not waits


class Admitter:
    """Admits submissions by the backlogs of their customers, and counts those that it refuses.

    One under a key that has stored a message already is always let in: it gets its first answer again.
    """

    def __init__(self, figures: BacklogFigures, refused: Counter) -> None:
        #: Tell whose messages need no admission, because their customer has no limit.
        self.figures = figures
        self._refused = refused

    async def admit(self, submissions: Sequence[Submission]) -> Admission:
        """Decide on submissions of any customers.

        Raises UnavailableError when the database does not tell whether a key was used.
        """
        customers = {one.message.customer for one in submissions}
        limited = {customer for customer in customers if self.figures.has_limit(customer)}
        if not limited:
            return Admission(submissions, {}, {})
        figures = await self.figures.look_up(limited)
        over = [place for place, one in enumerate(submissions) if not _take_room(one, figures)]
        try:
            replays = await self._find_replays([submissions[place] for place in over])
        except BaseException:
            Admission(submissions, figures, dict.fromkeys(over, _NO_ANSWER)).give_up()
            raise
        rejected: dict[int, Rejected] = {}
        for place in over:
            limit, line = figures[submissions[place].message.customer]
            if _names(submissions[place]) in replays:
                line.waiting, line.under_way = line.waiting + 1, line.under_way + 1
            else:
                rejected[place] = self._refuse(submissions[place].message.customer, limit, line)
        return Admission(submissions, figures, rejected)

    async def _find_replays(self, submissions: Sequence[Submission]) -> set[tuple[str, str]]:
        keyed = [names for one in submissions if (names := _names(one)) is not None]
        return await self.figures.find_used_keys(keyed) if keyed else set()

    def _refuse(self, customer: str, limit: int, line: Line) -> Rejected:
        self._refused.inc()
        if not line.is_full:
            line.is_full = True
            _log.warning("the backlog of a customer is full", customer=customer, limit=limit)
        waiting = f"{line.waiting}" if line.waiting <= limit else f"more than {limit}"
        detail = (
            f"{waiting} messages of customer {customer!r} wait, and {limit} may (limits.backlog): send it again later"
        )
        return Rejected(Reason.BACKLOG_FULL, detail)


_NO_ANSWER = Rejected(Reason.BACKLOG_FULL, "")


def _take_room(submission: Submission, figures: Figures) -> bool:
    """Count a submission as waiting, unless as many wait as may."""
    known = figures.get(submission.message.customer)
    if known is None:
        return True
    limit, line = known
    if line.waiting >= limit:
        return False
    line.waiting += 1
    line.under_way += 1
    return True


def _names(submission: Submission) -> tuple[str, str] | None:
    return None if submission.key is None else (submission.message.customer, submission.key)


class AdmittedChunks:
    """Of each chunk what is admitted; what is rejected keeps its place among the results.

    They must be ended or given up, as each Admission must.
    """

    def __init__(self, admitter: Admitter, chunks: Chunks) -> None:
        self._admitter = admitter
        self._chunks = chunks
        self._admissions: list[Admission] = []

    @property
    def is_one_chunk(self) -> bool:
        """Whether nothing comes after the first chunk."""
        return self._chunks.is_one_chunk

    async def next_chunk(self) -> list[Submission] | None:
        """What is admitted of the next chunk; None after the last one. Raises as `Admitter.admit` does."""
        chunk = await self._chunks.next_chunk()
        if chunk is None:
            return None
        admission = await self._admitter.admit(chunk)
        self._admissions.append(admission)
        return admission.admitted

    def end(self, results: list[Result | Exception]) -> list[Result | Exception]:
        """The results of all submissions in their order, from those of the admitted ones."""
        of_all: list[Result | Exception] = []
        start = 0
        for admission in self._admissions:
            end = start + len(admission.admitted)
            of_all += admission.end(results[start:end])
            start = end
        return of_all

    def give_up(self) -> None:
        """End all that have not ended without results."""
        for admission in self._admissions:
            admission.give_up()
