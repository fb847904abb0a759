"""Places in a JSON document, by RFC 6901."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

LONGEST = 256

_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")


class Missing:
    """Stands for a place that is not there, which is another thing than null."""


MISSING = Missing()


@lru_cache(maxsize=1024)
def parse_pointer(text: str) -> tuple[str, ...]:
    """The names on the way to the place, none for the whole document.

    Raises ValueError that says what was expected.
    """
    if len(text) > LONGEST:
        raise ValueError(f"expected a JSON pointer of at most {LONGEST} characters")
    if not _is_pointer(text):
        raise ValueError("expected a JSON pointer such as /status or /items/0/id, with ~1 for / and ~0 for ~ in a name")
    return tuple(name.replace("~1", "/").replace("~0", "~") for name in text.split("/")[1:])


def _is_pointer(text: str) -> bool:
    tildes = text.count("~0") + text.count("~1")
    return text[:1] in ("", "/") and "\0" not in text and text.count("~") == tildes


def format_pointer(path: Iterable[str | int]) -> str:
    """The pointer to a place that is given by its names and indexes."""
    return "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in path)


def find(document: Any, names: Sequence[str]) -> Any:
    """Return the value at the place, or MISSING."""
    place = document
    for name in names:
        if isinstance(place, dict):
            place = place.get(name, MISSING)
        elif isinstance(place, list) and _INDEX.fullmatch(name) and int(name) < len(place):
            place = place[int(name)]
        else:
            return MISSING
    return place
