"""The guide as MkDocs builds it: without a warning, and without anything from outside."""

import re
import subprocess
import sys
from pathlib import Path

from support.layout import ROOT

#: What a page loads by itself, unlike what a reader may follow.
LOADED = re.compile(
    r"""<(?:script|img|iframe)[^>]*\ssrc="?(?:https?:)?//|<link[^>]*rel="?(?:stylesheet|preconnect|icon)[^>]*//"""
)


def test_the_guide_builds_strictly_and_loads_nothing_from_outside(tmp_path: Path) -> None:
    mkdocs = Path(sys.prefix) / "tools/bin/mkdocs"
    assert mkdocs.exists(), "run make .venv/.tools"

    built = subprocess.run(
        [mkdocs, "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert built.returncode == 0, built.stdout + built.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 50
    assert [page.name for page in pages if LOADED.search(page.read_text(encoding="utf-8"))] == []
    assert "webhook" in (tmp_path / "site/search/search_index.json").read_text(encoding="utf-8")
