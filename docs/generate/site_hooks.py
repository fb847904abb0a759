"""Hooks of MkDocs: what comes into the navigation, where links lead that leave docs/, what a page must show.

A block of code that a reader would not see as one is a warning, which ends `make docs`.
"""

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

_log = logging.getLogger("mkdocs.hooks.site")
_FENCE = re.compile(r"^ *```\w", re.MULTILINE)
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


def on_page_content(html: str, page: Any, **_: Any) -> None:
    """Warn of a page that shows fewer blocks of code than it has."""
    hidden = hidden_blocks(str(page.markdown), html)
    if hidden:
        _log.warning("%s: %d blocks of code are not shown as such", page.file.src_uri, hidden)


def hidden_blocks(markdown: str, html: str) -> int:
    """How many blocks of code with a language are in the text of a page and not in what is shown of it."""
    return max(0, len(_FENCE.findall(markdown)) - html.count('class="highlight"'))
