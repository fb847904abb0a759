"""What the documents say is still true."""

import re
from pathlib import Path

import pytest

from sendoff_domain.message import FINAL, Status
from support.layout import FOLDERS, ROOT

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "tests/bench/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
STATES = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")


def drawn_moves() -> set[tuple[str, str]]:
    return set(re.findall(r"^    (\w+) --> (\w+):", STATES, re.MULTILINE))


def moves_by_statement() -> set[tuple[str, str]]:
    """From every state that a row names first to every other one that it names next."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| `[^|]+ \| [^|]+ \|$", STATES, re.MULTILINE)
    names = "|".join(Status)
    moves = {
        (start, end) for first, then in rows for start in re.findall(names, first) for end in re.findall(names, then)
    }
    return {(start, end) for start, end in moves if start != end}


def test_the_state_chart_shows_the_moves_that_statements_make() -> None:
    assert drawn_moves() == moves_by_statement()


def test_what_has_ended_is_left_only_by_a_resend() -> None:
    assert {start for start, _ in drawn_moves()} == set(Status)
    assert {(start, end) for start, end in drawn_moves() if start in FINAL} == {(one, "scheduled") for one in FINAL}


def test_every_statement_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:actors|http|intake|webhooks|db)/[\w/]+\.sql)`", STATES))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_statement_that_changes_a_place_of_a_message_is_named() -> None:
    change = re.compile(r"(INSERT INTO|DELETE FROM|UPDATE) (due|retries|deliveries|dead_letters|cancellations)\b")
    folders = set(FOLDERS) - {"domain"}
    statements = [
        path for folder in folders for path in (ROOT / folder).rglob("*.sql") if path.parent.name != "migrations"
    ]
    changing = [path.name for path in statements if change.search(path.read_text(encoding="utf-8"))]
    assert changing
    assert [name for name in changing if name not in STATES] == []


def test_every_table_is_described() -> None:
    migrations = (ROOT / "db" / "sendoff_db" / "migrations").glob("*.sql")
    text = "".join(path.read_text(encoding="utf-8") for path in migrations)
    described = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert [name for name in re.findall(r"CREATE TABLE (\w+)", text) if f"`{name}`" not in described] == []


def test_every_link_leads_to_a_file() -> None:
    broken = [
        f"{document.name}: {target}"
        for document in DOCUMENTS
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert broken == []


def test_every_test_that_is_named_exists() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = {name for path in DOCUMENTS for name in re.findall(r"`(test_\w+)`", path.read_text(encoding="utf-8"))}
    assert named
    assert sorted(name for name in named if f"def {name}(" not in tests) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_is_at_most_a_hundred_characters_wide(document: Path) -> None:
    """Tables and code may be wider: they can't be broken."""
    is_code, wide = False, []
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
        is_code ^= line.lstrip().startswith("```")
        if len(line) > 100 and not is_code and not line.startswith("|"):
            wide.append(number)
    assert wide == []


def test_every_source_file_that_is_named_exists() -> None:
    folders = "|".join((*FOLDERS, "tests"))
    named = {
        (document.name, path)
        for document in DOCUMENTS
        for path in re.findall(rf"`((?:{folders})/[\w/]+\.(?:py|sql))", document.read_text(encoding="utf-8"))
    }
    assert named
    assert {(document, path) for document, path in named if not (ROOT / path).exists()} == set()
