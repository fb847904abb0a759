"""docs/glossary.md is the list of our words: identifiers, SQL and documents are held to it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.layout import FOLDERS, ROOT

GLOSSARY = ROOT / "docs" / "glossary.md"

CODE = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
STATEMENTS = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.sql"))
#: The changelog and the records of decisions tell of what was once; a glossary names what it forbids.
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted(path for path in (ROOT / "docs").glob("*.md") if path != GLOSSARY),
]


def words_under(*headings: str) -> set[str]:
    """The words in backticks in those columns of the glossary's tables."""
    found: set[str] = set()
    columns: list[str] = []
    for line in GLOSSARY.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells and cells[0] == "word":
            columns = cells
        elif cells and len(cells) == len(columns):
            found.update(*(re.findall(r"`(\w+)`", cells[columns.index(heading)]) for heading in headings))
    return found


NOWHERE = words_under("not")
NO_NAMES = words_under("not", "not as a name")


def identifiers(path: Path) -> Iterator[str]:
    """Every name that a Python file gives or uses, and its own."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.keyword(arg=str(name)) | ast.alias(name=name):
                yield name


def parts(identifier: str) -> set[str]:
    """`restoreLostClaims` and `restore_lost_claims` alike: the whole, and each word of it."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", identifier).lower().strip("_")
    return {snake, *re.split(r"[_.]", snake)}


def test_the_glossary_forbids_something() -> None:
    assert "crowd" in NOWHERE
    assert "ripe" in NO_NAMES


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_identifiers_are_words_of_the_glossary(path: Path) -> None:
    found = {name: parts(name) & NO_NAMES for name in identifiers(path)}
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_statements_use_the_words_of_the_glossary(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    code = "\n".join(line.partition("--")[0] for line in lines)
    assert {word for name in (path.stem, *re.findall(r"\w+", code)) for word in parts(name) & NO_NAMES} == set()


@pytest.mark.parametrize("path", [*CODE, *STATEMENTS, *DOCUMENTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_uses_the_words_of_the_glossary(path: Path) -> None:
    assert set(re.findall(r"[a-z]+", path.read_text(encoding="utf-8").lower())) & NOWHERE == set()


def test_every_word_of_the_glossary_is_used() -> None:
    """A word that nothing uses any more leads a newcomer astray."""
    text = "\n".join(path.read_text(encoding="utf-8").lower() for path in [*CODE, *STATEMENTS, *DOCUMENTS])
    words = re.findall(r"^\| ([a-z][a-z ,-]+?) \|", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    alone = {one.strip() for word in words if word != "word" for one in word.split(",")}
    assert {one for one in alone if not re.search(re.sub(r"[ -]", r"[-_ ]?", one), text)} == set()
