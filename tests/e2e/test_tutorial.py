"""What README and the tutorial say is done to the letter: each block of code, in its order, on a Sendoff of its own."""

import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.layout import ROOT
from support.pages import code_blocks
from support.readers import Reader
from support.servers import open_folder
from support.terminals import Terminals, terminals
from support.whole_sendoff import free_port

TUTORIAL = ROOT / "docs" / "tutorial.md"
MINUTES = 5 * 60


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a reader writes, instead of in the repository: as good a place for all commands but `make`."""
    with open_folder() as path:
        (path / "config.yaml").symlink_to(ROOT / "config.yaml")
        (path / ".venv").symlink_to(sys.prefix)
        yield path


@pytest.fixture
def reader(folder: Path) -> Iterator[Terminals]:
    """Who follows a page, on a machine whose usual port is taken."""
    settings = {"SENDOFF_HTTP__PORT": str(free_port()), "SENDOFF_DATA": str(folder / "data")}
    with terminals(folder, settings) as opened:
        yield opened


@pytest.mark.timeout(300)
def test_the_tutorial_works_to_the_letter(reader: Terminals) -> None:
    ports = {"localhost:8080": f"localhost:{reader.settings['SENDOFF_HTTP__PORT']}", "9000": str(free_port())}
    follower, began = Reader(reader, ports), time.monotonic()
    for block in code_blocks(TUTORIAL):
        follower.do(block)
        if "verified" in block.text and block.language == "text":
            assert time.monotonic() - began < MINUTES
    assert reader.shown("3").count("verified:") == 3
    assert follower.not_run == []


def test_what_readme_says_to_try_works_to_the_letter(reader: Terminals) -> None:
    port = reader.settings["SENDOFF_HTTP__PORT"]
    run, send = readme_section("Try it")[:2]
    assert run == "make run"
    reader.start("1", run, ROOT)
    reader.wait_for("1", "Sendoff is ready")

    answer = json.loads(reader.run(send.replace("localhost:8080", f"localhost:{port}")))

    assert answer["to"] == "jane"
    reader.wait_for("1", "Your parcel is on its way.")
    with urllib.request.urlopen(f"http://localhost:{port}/swagger/index.html", timeout=5) as page:
        assert page.status == 200


def readme_section(heading: str) -> list[str]:
    """The blocks of code below a heading of README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    _, _, rest = text.partition(f"\n## {heading}\n")
    assert rest, f"README has no section {heading!r}"
    return [block.strip() for block in rest.partition("\n## ")[0].split("```")[1::2]]
