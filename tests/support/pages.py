"""The code blocks of a page, with what stands behind their language: ```sh terminal=3 until="is shown"."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

_BLOCK = re.compile(r"^ *```(\w+)([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One code block: its language, its attributes, what it says."""

    language: str
    attributes: dict[str, str]
    text: str


def code_blocks(page: Path) -> list[Block]:
    """All code blocks of a page that name a language, in their order."""
    return [
        Block(
            language,
            {name: value for name, _, value in (word.partition("=") for word in shlex.split(rest))},
            dedent(text),
        )
        for language, rest, text in _BLOCK.findall(page.read_text(encoding="utf-8"))
    ]


def is_shown(expected: str, shown: str) -> bool:
    """Whether all lines of a block are somewhere in what was shown, in their order; … stands for anything in a line."""
    lines = (r"[^\n]*".join(map(re.escape, line.strip().split("…"))) for line in expected.strip().splitlines())
    return re.search(r"[\s\S]*?".join(lines), shown) is not None
