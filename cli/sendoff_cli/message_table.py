"""Messages, their attempts and dead letters as a person reads them."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from sendoff_cli.paging import Listing
from sendoff_cli.plain_text import card, table_of, with_note

Document = Mapping[str, Any]


def messages_table(found: Listing) -> RenderableType:
    """Documents of `GET /v1/messages`."""
    titles = ("id", "status", "customer", "to", "deliver at", "reference")
    rows = [
        (one["id"], one["status"], one["customer"], one["to"], _second(one["deliverAt"]), one["reference"])
        for one in found.data
    ]
    return with_note(table_of(titles, rows), _rest(found))


def dead_letters_table(found: Listing) -> RenderableType:
    """Documents of `GET /v1/dead-letters`."""
    titles = ("id", "reason", "customer", "to", "dead at", "reference", "last error")
    rows = [
        (
            one["id"],
            one["reason"],
            one["customer"],
            one["to"],
            _second(one["deadAt"]),
            one["reference"],
            one["lastError"],
        )
        for one in found.data
    ]
    return with_note(table_of(titles, rows), _rest(found))


def attempts_table(attempts: Sequence[Document]) -> RenderableType:
    """The attempts of one message, or those that a dead letter remembers."""
    if not attempts:
        return Text("no attempt was made")
    titles = ("generation", "attempt", "started at", "ms", "status", "error", "detail")
    rows = [
        (
            one["generation"],
            one["attempt"],
            _second(one["startedAt"]),
            one["durationMs"],
            one["statusCode"],
            one["errorClass"],
            one["detail"],
        )
        for one in attempts
    ]
    return table_of(titles, rows)


def dead_letter_card(letter: Document) -> RenderableType:
    """One dead letter with its history."""
    return Group(
        card({key: value for key, value in letter.items() if key != "history"}), attempts_table(letter["history"])
    )


def _rest(found: Listing) -> str | None:
    if found.next_cursor is None:
        return None
    how_far = "there are more" if found.searched_to is None else f"there may be more before {found.searched_to}"
    return f"{how_far}: raise --limit, or go on with --cursor {found.next_cursor}"


def _second(moment: str) -> str:
    """The moment without its microseconds."""
    return moment[:19] + "Z"
