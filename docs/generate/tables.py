"""Markdown for generated pages."""

import textwrap
from collections.abc import Iterable, Sequence


def page(title: str, introduction: str, *parts: str) -> str:
    """A page that begins with where it comes from."""
    note = "<!-- Written by `make reference` from the code; change that instead. -->"
    return "\n\n".join([f"# {title}", note, paragraph(introduction), *parts]) + "\n"


def paragraph(text: str) -> str:
    """Prose, at most 100 columns wide."""
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; what would end a cell is escaped."""
    lines = [heads, ["--"] * len(heads), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: str) -> str:
    """A text as code, nothing if there is none."""
    return f"`{text}`" if text else ""
