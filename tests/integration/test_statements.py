"""Every statement is used, says what it promises, and fits the schema."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from sendoff_db.sql import read_statement
from support.databases import copied
from support.servers import Servers

ROOT = Path(__file__).parents[2]
FOLDERS = ("actors", "http", "control", "db", "domain", "cli")
STATEMENTS = sorted(
    path for folder in FOLDERS for path in (ROOT / folder).rglob("*.sql") if path.parent.name != "migrations"
)
#: NULL does for most parameters; here PostgreSQL needs to see the type.
TYPED = {"retention": timedelta(days=1)}
_PLACEHOLDER = re.compile(rb"%\((\w+)\)[sbt]")


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def text_constants() -> set[str]:
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.fixture(scope="module")
def plans(servers: Servers, template_database: str) -> Iterator[psycopg.Connection]:
    """One database for all plans: planning changes nothing."""
    with copied(servers, template_database) as url, psycopg.connect(url, autocommit=True) as connection:
        yield connection


def load(path: Path) -> bytes:
    package = ".".join(path.parent.relative_to(ROOT).parts[1:])
    return read_statement(package, path.stem)


def test_every_statement_is_named_by_the_code() -> None:
    named_in_code = text_constants()
    assert STATEMENTS
    assert [named(path) for path in STATEMENTS if path.stem not in named_in_code] == []


@pytest.mark.parametrize("path", STATEMENTS, ids=named)
def test_a_statement_begins_with_what_it_promises(path: Path) -> None:
    first, *_ = path.read_text(encoding="utf-8").splitlines()
    assert re.match(r"-- [A-Z].{20,}", first)


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
