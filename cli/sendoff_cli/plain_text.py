"""Documents as a person reads them: neither rich's markup nor a terminal's commands are obeyed in what they say."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


def printable(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)


def plain(text: str) -> Text:
    """The text as it is."""
    return Text(printable(text))


def card(document: Mapping[str, Any]) -> RenderableType:
    """One document, a line for each key that has a value; what is nested is JSON."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in document.items():
        if value is not None:
            table.add_row(plain(key), plain(value if isinstance(value, str) else json.dumps(value)))
    return table


def table_of(titles: Sequence[str], rows: Sequence[Sequence[Any]], *, wide: str = "id") -> Table:
    """A table of texts, None being empty; the column `wide` is never cut, since commands take what it says."""
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, no_wrap=title == wide, min_width=36 if title == wide else None)
    for row in rows:
        table.add_row(*[plain("" if value is None else str(value)) for value in row])
    return table


def with_note(table: RenderableType, note: str | None) -> RenderableType:
    """The table, and below it what to know of it."""
    return table if note is None else Group(table, Text(note, "yellow"))
