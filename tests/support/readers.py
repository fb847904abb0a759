"""A reader who does what a page says: every block of code, in its order, in terminals of his own.

What stands behind the language of a block says what a reader does with it:

- `sh` he types, in the second terminal; each command must succeed.
  `terminal=3`: elsewhere, and it goes on. `stop=3`: Ctrl-C there. `as=postgres`: as the user of PostgreSQL.
  `until="this, that"`: again and again until both are shown.
- `text shown` is what the block before has shown, `text terminal=3` what comes up there; … stands for anything.
- `python file=webhook.py` he saves. `json message` and `json post=/v1/customers` he posts.
- `not-run="reason"`: it can't be run here, and whoever runs the page must know that reason.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from support.client import Client
from support.layout import ROOT
from support.pages import Block, code_blocks, is_shown
from support.terminals import Terminals
from support.waiting import wait_until


@dataclass
class Reader:
    """Follows pages; `calls` maps what a page calls an address or a port to what it is here."""

    terminals: Terminals
    calls: Mapping[str, str]
    not_run: list[str] = field(default_factory=list)
    _shown: str = ""

    def follow(self, page: Path) -> None:
        """Do all that a page says."""
        for block in code_blocks(page):
            self.do(block)

    def do(self, block: Block) -> None:
        """Do what one block says."""
        text = self.as_here(block.text)
        match block.language, block.attributes:
            case _, {"not-run": reason}:
                assert reason, block
                self.not_run.append(reason)
            case "python", {"file": name}:
                (self.terminals.folder / name).write_text(text, encoding="utf-8")
            case "json", {"message": _}:
                self._post("/v1/messages", text)
            case "json", {"post": path}:
                self._post(path, text)
            case "text", {"terminal": terminal}:
                self.terminals.wait_for(terminal, text)
            case "text", {"shown": _}:
                assert is_shown(text, self._shown), f"{text}\nis not what is shown:\n{self._shown}"
            case "sh", attributes:
                self._type(text, attributes)
            case _:
                raise AssertionError(f"nobody knows what to do with {block}")

    def as_here(self, text: str) -> str:
        """The text with the addresses and ports of this machine."""
        return re.sub("|".join(map(re.escape, self.calls)), lambda found: self.calls[found[0]], text)

    def _type(self, text: str, attributes: Mapping[str, str]) -> None:
        as_postgres = attributes.get("as") == "postgres"
        match attributes:
            case {"stop": terminal}:
                self.terminals.interrupt(terminal)
            case {"terminal": terminal}:
                where = ROOT if "make" in text else None
                self.terminals.start(terminal, text, where, as_postgres=as_postgres)
            case {"until": expected}:
                self._shown = wait_until(lambda: self._shows(text, expected), f"{text} shows {expected}", 60, every=0.5)
            case _ if not attributes or as_postgres:
                self._shown = self.terminals.run(text, as_postgres=as_postgres)
            case _:
                raise AssertionError(f"nobody knows what {attributes} means")

    def _shows(self, text: str, expected: str) -> str:
        shown = self.terminals.run(text)
        return shown if all(is_shown(one, shown) for one in expected.split(", ")) else ""

    def _post(self, path: str, text: str) -> None:
        answer = Client(f"http://{self.calls['localhost:8080']}").call("POST", path, text.encode())
        assert answer.status < 300, answer
