"""The code blocks of a page, with what stands behind their language: ```sh terminal=3."""

import re
from dataclasses import dataclass
from pathlib import Path

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
        Block(language, {name: value for name, _, value in (word.partition("=") for word in rest.split())}, text)
        for language, rest, text in _BLOCK.findall(page.read_text(encoding="utf-8"))
    ]
