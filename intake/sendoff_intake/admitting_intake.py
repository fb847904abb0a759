"""Stores what is sent in one by one or in batches, but for what is over its customer's limit of backlog."""

from sendoff_intake.admission import Admission, Admitter
from sendoff_intake.group_commit import GroupCommit
from sendoff_intake.store import Chunks, MessageStore
from sendoff_intake.submission import Result, Submission


class AdmittingIntake:
    """A GroupCommit and a MessageStore behind an Admitter; messages of customers without a limit go straight on."""

    def __init__(self, admitter: Admitter, group_commit: GroupCommit, store: MessageStore) -> None:
        self._admitter = admitter
        self._group_commit = group_commit
        self._store = store

    async def store(self, submission: Submission) -> Result:
        """Store one submission; raises as `GroupCommit.store` does."""
        if not self._admitter.may_refuse(submission.message.customer):
            return await self._group_commit.store(submission)
        admission = await self._admitter.admit([submission])
        if admission.rejected:
            return admission.rejected[0]
        try:
            result = await self._group_commit.store(submission)
            admission.end([result])
        finally:
            admission.give_up()
        return result

    async def store_batch(self, chunks: Chunks) -> list[Result | Exception]:
        """Store all chunks; raises as `MessageStore.store_batch` does."""
        admitted = _AdmittedChunks(self._admitter, chunks)
        try:
            return admitted.end(await self._store.store_batch(admitted))
        finally:
            admitted.give_up()


class _AdmittedChunks:
    """Of each chunk what is admitted; what is rejected keeps its place among the results."""

    def __init__(self, admitter: Admitter, chunks: Chunks) -> None:
        self._admitter = admitter
        self._chunks = chunks
        self._admissions: list[Admission] = []

    @property
    def is_one_chunk(self) -> bool:
        return self._chunks.is_one_chunk

    async def next_chunk(self) -> list[Submission] | None:
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
        for admission in self._admissions:
            admission.give_up()
