"""Hooks of MkDocs: the decisions come into the navigation, and links that lead out of docs/ become names of files."""

import posixpath
import re
from pathlib import Path
from typing import Any

_LINK = re.compile(r"\[([^\]]+)\]\((\.\.?/[^)#]+)(#[^)]*)?\)")
#: What the site has under another name.
_ELSEWHERE = {"config.yaml": "reference/config.md"}


def on_config(config: Any) -> Any:
    """Add docs/adr to the end of the navigation, in its order."""
    records = sorted((Path(config.docs_dir) / "adr").glob("*.md"))
    config.nav.append({"Decisions": [f"adr/{record.name}" for record in records]})
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The text of a page as the site shows it."""
    return point_inwards(markdown, str(page.file.src_uri))


def point_inwards(markdown: str, page: str) -> str:
    """Replace the links of a page of docs/ that lead out of it."""
    folder = posixpath.dirname(posixpath.join("docs", page))

    def replaced(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[2]))
        if target.startswith("docs/"):
            return link[0]
        if target in _ELSEWHERE:
            return f"[{link[1]}]({posixpath.relpath(posixpath.join('docs', _ELSEWHERE[target]), folder)})"
        return f"`{target}`" if link[1] == target else f"{link[1]} (`{target}`)"

    return _LINK.sub(replaced, markdown)
