"""What every source of an import is read as: messages as lines of JSON, each with its number in the source."""

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import NamedTuple


class SourceLine(NamedTuple):
    """One message as JSON text, and its number in its source, from 1; the numbers grow."""

    number: int
    text: bytes


@dataclass(slots=True)
class Source:
    """The lines of a source, to be closed, and how many of its things were left out on the way, by why."""

    lines: Generator[SourceLine, None, None]
    skipped: Counter[str] = field(default_factory=Counter)
