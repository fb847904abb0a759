"""What needs a person's attention first: rules over what is known, the worst on top."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sendoff_http.admin.samples import Backlog

#: Due for so long (seconds) without being claimed, a message is worth a word.
_LATE_SECONDS = 60.0
_MOST_LISTED = 5


@dataclass(frozen=True, slots=True)
class Troubled:
    """A row of `list_troubled_customers.sql`."""

    id: str
    trouble: Literal["breaker", "pause"]
    since: datetime
    until: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing that a person should know, and the page where something can be done about it."""

    tone: Literal["bad", "warn"]
    title: str
    detail: str
    path: str
    link: str


def find_concerns(fleet: Mapping[str, Any] | None, backlog: Backlog, troubled: Sequence[Troubled]) -> list[Concern]:
    """What is wrong, the worst first; nothing is said of what is not known (`fleet` None) or not shown."""
    concerns = [*_of_fleet(fleet), *_of_backlog(fleet, backlog), *_of_customers(troubled)]
    return sorted(concerns, key=lambda concern: concern.tone == "warn")


def _of_fleet(fleet: Mapping[str, Any] | None) -> Iterator[Concern]:
    if fleet is None:
        yield Concern(
            "bad", "The state of the fleet is not known", "PostgreSQL does not answer.", "/admin/fleet", "Fleet"
        )
        return
    if fleet["desired"] == "stopped":
        yield Concern(
            "bad", "The fleet is stopped", "Nothing is delivered until it is started.", "/admin/fleet", "Fleet"
        )
    if not fleet["converged"]:
        waiting = ", ".join(fleet["unconfirmed"][:_MOST_LISTED]) or "one or more processes"
        detail = f"Revision {fleet['revision']} is not applied by {waiting}."
        yield Concern("warn", "The fleet has not converged", detail, "/admin/fleet", "Fleet")
    down = [name for name, health in fleet["buses"].items() if health == "down"]
    if down:
        detail = f"This process has no connection to {', '.join(down)}."
        yield Concern("bad", f"{', '.join(down)} does not answer", detail, "/admin/fleet", "Fleet")


def _of_backlog(fleet: Mapping[str, Any] | None, backlog: Backlog) -> Iterator[Concern]:
    if not backlog.workers:
        yield Concern("bad", "No worker is alive", "Start one: sendoff up, or sendoff worker.", "/admin/fleet", "Fleet")
    runs = fleet is None or fleet["desired"] == "running"
    if runs and backlog.lag_seconds is not None and backlog.lag_seconds > _LATE_SECONDS:
        detail = f"The oldest has been due for {backlog.lag_seconds / 60:,.0f} min and is not claimed."
        yield Concern("bad", "Messages are late", detail, "/admin/messages?status=scheduled", "Scheduled messages")
    if backlog.died_lately:
        count = "more than 1,000" if backlog.died_lately > 1_000 else f"{backlog.died_lately:,}"
        letters = "dead letter" if backlog.died_lately == 1 else "dead letters"
        detail = "Inspect why, then resend or delete them."
        yield Concern("warn", f"{count} {letters} within the last hour", detail, "/admin/dead-letters", "Dead letters")


def _of_customers(troubled: Sequence[Troubled]) -> Iterator[Concern]:
    for one in troubled[:_MOST_LISTED]:
        path = f"/admin/customers/{one.id}"
        if one.trouble == "breaker":
            detail = "Its webhook fails: messages are held but for one at a time that tries it out."
            yield Concern("warn", f"The breaker of {one.id} is open", detail, path, "Customer")
        else:
            yield Concern("warn", f"{one.id} is paused", one.reason or "No reason was given.", path, "Customer")
    if len(troubled) > _MOST_LISTED:
        yield Concern("warn", "More customers are in trouble", "Only the latest are listed.", "/admin/customers", "All")
