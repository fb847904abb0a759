"""Every statement is run by the code, says what it promises, and fits the schema."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sendoff_db.sql import read_statement
from support.databases import copied
from support.layout import FOLDERS, ROOT
from support.servers import Servers
from support.statement_calls import statement_calls, texts

#: The benchmark has statements of its own.
HOLDERS = (*FOLDERS, "tests/bench")
STATEMENTS = sorted(
    path for folder in HOLDERS for path in (ROOT / folder).rglob("*.sql") if path.parent.name != "migrations"
)
MODULES = sorted(path for folder in HOLDERS for path in (ROOT / folder).rglob("*.py"))
#: NULL does for most parameters; here PostgreSQL needs to see the type.
TYPED: dict[str, Any] = {
    "retention": timedelta(days=1),
    "start": datetime.now(UTC),
    "step": timedelta(0),
    "count": 1,
    "first": 1,
    "size": 1,
    "late": 1,
    "content": "x",
}
_PLACEHOLDER = re.compile(rb"%\((\w+)\)[sbt]")


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def package_of(path: Path) -> str:
    return ".".join(path.parent.relative_to(ROOT).parts[1:])


def load(path: Path) -> bytes:
    return read_statement(package_of(path), path.stem)


def run_by_the_code() -> set[tuple[str, str]]:
    """Package and name of every statement that a call names; one that is chosen must be named in the call's package."""
    run: set[tuple[str, str]] = set()
    written: defaultdict[str, set[str]] = defaultdict(set)
    choosing: set[str] = set()
    for module in MODULES:
        source, package = module.read_text(encoding="utf-8"), package_of(module)
        written[package] |= texts(source)
        for call in statement_calls(source, package):
            if call.name is None:
                choosing.add(call.package)
            else:
                run.add((call.package, call.name))
    return run | {(package, text) for package in choosing for text in written[package]}


@pytest.fixture(scope="module")
def plans(servers: Servers, template_database: str) -> Iterator[psycopg.Connection]:
    """One database for all plans: planning changes nothing."""
    with copied(servers, template_database) as url, psycopg.connect(url, autocommit=True) as connection:
        yield connection


def test_every_statement_is_run_by_the_code() -> None:
    run = run_by_the_code()
    assert STATEMENTS
    assert [named(path) for path in STATEMENTS if (package_of(path), path.stem) not in run] == []


def test_every_statement_that_the_code_names_exists() -> None:
    known = {(package_of(path), path.stem) for path in STATEMENTS}
    calls = [
        (call.package, call.name)
        for module in MODULES
        for call in statement_calls(module.read_text(encoding="utf-8"), package_of(module))
        if call.name is not None
    ]
    assert len(calls) > 20
    assert set(calls) - known == set()


def test_a_statement_that_is_only_mentioned_is_not_run() -> None:
    source = """
_PACKAGE = "a.b"
async def move(connection, scan):
    "cancel"
    await run(connection, __package__, "take")
    await fetch_all(connection, _PACKAGE, "read", {"resend": 1})
    await fetch_one(connection, "c", scan)
"""
    found = {(call.package, call.name) for call in statement_calls(source, "own")}
    assert found == {("own", "take"), ("a.b", "read"), ("c", None)}


@pytest.mark.parametrize("path", STATEMENTS, ids=named)
def test_a_statement_begins_with_what_it_does(path: Path) -> None:
    first, *_ = path.read_text(encoding="utf-8").splitlines()
    assert re.match(r"-- [A-Z][a-z]+s .{15,}", first), "a verb, and what it does"


@pytest.mark.parametrize("path", STATEMENTS, ids=named)
def test_a_file_holds_one_statement_named_by_a_verb(path: Path) -> None:
    assert b";" not in load(path).rstrip(b";")
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", path.stem)


@pytest.mark.parametrize("path", STATEMENTS, ids=named)
def test_a_statement_can_be_planned_on_the_schema(path: Path, plans: psycopg.Connection) -> None:
    statement = load(path)
    values = {name: TYPED.get(name) for name in map(bytes.decode, _PLACEHOLDER.findall(statement))}
    plan = plans.execute(b"EXPLAIN " + statement, values).fetchall()
    assert plan
