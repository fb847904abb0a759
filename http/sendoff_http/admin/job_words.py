"""Jobs in words: what one does, to which messages, and what becomes of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sendoff_domain.jobs import JobKind


@dataclass(frozen=True, slots=True)
class KindWords:
    """How pages speak of a kind of job."""

    verb: str
    noun: str
    outcome: str
    is_final: bool = False


KINDS = {
    JobKind.RESEND_DEAD_LETTERS: KindWords(
        "Resend",
        "dead letters",
        "Each is due at once, under its id, with fresh attempts. Those of deleted customers do not count.",
    ),
    JobKind.PURGE_DEAD_LETTERS: KindWords(
        "Delete", "dead letters", "Each is gone for good then, with the history of its attempts.", is_final=True
    ),
    JobKind.CANCEL_MESSAGES: KindWords("Cancel", "messages", "What is cancelled is not sent.", is_final=True),
    JobKind.RESCHEDULE_MESSAGES: KindWords("Reschedule", "messages", "Each is sent at its new time."),
    JobKind.EXPORT_MESSAGES: KindWords("Export", "messages", "Each is written as it is shown, until then."),
    JobKind.IMPORT_MESSAGES: KindWords("Import", "messages", "Each is accepted as if it were sent in now."),
}


def selected_in_words(job: Mapping[str, Any]) -> str:
    """Which messages a job is about: `dead letters of acme, that are exhausted, to jane`."""
    noun = KINDS[JobKind(job["kind"])].noun
    parts = [*_filters(job["selection"], job["customer"])]
    everything = noun if job["kind"] == JobKind.IMPORT_MESSAGES else f"all {noun}"
    return f"{noun} {', '.join(parts)}" if parts else everything


def change_in_words(job: Mapping[str, Any]) -> str:
    """The new time of a reschedule; empty for what changes no time."""
    change = job["change"]
    return f"by {change['shift']}" if "shift" in change else f"to {change['deliverAt']}" if change else ""


def _filters(selection: Mapping[str, Any], customer: str | None) -> Iterator[str]:
    if customer is not None:
        yield f"of {customer}"
    for name in ("reason", "status"):
        if name in selection:
            yield f"that are {selection[name]}"
    for name, words in (
        ("to", "to"),
        ("reference", "with reference"),
        ("createdAfter", "created after"),
        ("createdBefore", "created before"),
    ):
        if name in selection:
            yield f"{words} {selection[name]}"
