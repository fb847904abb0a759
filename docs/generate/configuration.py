"""The page of all settings, from the comments of config.yaml, which has every key."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from generate.tables import code, page, paragraph, table

_KEY = re.compile(r"^( *)(\w+):(?: (?! *#)(.*?))?(?: +# (.*))?$")
_MORE = re.compile(r"^ *# (.*)$")
_HEADS = ("key", "shipped", "what it is")
_INTRODUCTION = (
    "Every key of config.yaml. A variable wins over the file: SENDOFF_SCHEDULER__BATCH_SIZE=50 sets"
    " scheduler.batchSize. Unknown keys are refused. *Shipped* is the value of the file that comes with Sendoff;"
    " the default, which holds when a key is absent, is named beside what the key is."
)


@dataclass
class Key:
    """A key with its path, its shipped value, and what its comment says."""

    path: str
    value: str
    meaning: str


def configuration_page(config: str) -> str:
    """The page for the text of config.yaml."""
    parts = []
    for name, introduction, keys in sections(config):
        rows = [(code(key.path), code(key.value), key.meaning) for key in keys]
        parts += [f"## {name}", *([paragraph(introduction)] if introduction else []), table(_HEADS, rows)]
    return page("Configuration", _INTRODUCTION, *parts)


def sections(config: str) -> Iterator[tuple[str, str, list[Key]]]:
    """Each section with the comment before it and its keys."""
    _, *blocks = config.split("\n\n")
    for block in blocks:
        lines = block.strip("\n").split("\n")
        above = [line[2:] for line in lines if line.startswith("# ")]
        keys = list(_keys(lines[len(above) :]))
        yield keys[0].path.split(".")[0], " ".join(above), [key for key in keys if key.value or key.meaning]


def _keys(lines: list[str]) -> Iterator[Key]:
    folders: list[str] = []
    key: Key | None = None
    for line in lines:
        if match := _KEY.match(line):
            if key is not None:
                yield key
            del folders[len(match[1]) // 2 :]
            folders.append(match[2])
            key = Key(".".join(folders), (match[3] or "").strip(), match[4] or "")
        elif key is not None and line.startswith(" " * 20) and (more := _MORE.match(line)):
            key.meaning += f" {more[1]}"
    if key is not None:
        yield key
