"""The shape of the code: sizes, names, places. What may import what is in pyproject.toml, under importlinter."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grimp
import pytest

from sendoff_http.app import OPERATIONS
from support.layout import FOLDERS, ROOT

PACKAGES = tuple(f"sendoff_{folder}" for folder in FOLDERS)
LONGEST_FILE, LONGEST_TEST_FILE, LONGEST_FUNCTION = 300, 400, 40
#: Files and functions that may be longer, each with its reason. Nothing is, so far.
LONGER: dict[str, str] = {}
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "misc", "base", "core", "shared", "models"}
#: Modules of Sendoff that share their name with one of Python's are told apart by their package; these confuse readers.
CONFUSING_NAMES = {"queue", "types", "signal", "http", "typing", "asyncio", "json", "string", "random", "select"}

CODE = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file with its number of lines, docstring and decorators not counted."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            yield f"{named(path)}::{node.name}", (node.end_lineno or 0) - first.lineno + 1


def test_no_file_is_too_long() -> None:
    longest = dict.fromkeys(CODE, LONGEST_FILE) | dict.fromkeys(TESTS, LONGEST_TEST_FILE)
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in longest}
    too_long = {named(path): length for path, length in lengths.items() if length > longest[path]}
    assert {name: length for name, length in too_long.items() if name not in LONGER} == {}


def test_no_function_is_too_long() -> None:
    found = {name: length for path in (*CODE, *TESTS) for name, length in functions(path) if length > LONGEST_FUNCTION}
    assert {name: length for name, length in found.items() if name not in LONGER} == {}


def test_every_exception_is_still_needed() -> None:
    sizes = {name: length for path in (*CODE, *TESTS) for name, length in functions(path)}
    sizes |= {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in (*CODE, *TESTS)}
    limits = {name: LONGEST_FUNCTION if "::" in name else LONGEST_FILE for name in LONGER}
    assert [name for name, limit in limits.items() if sizes.get(name, 0) <= limit] == []


def test_the_folder_http_does_not_shadow_pythons_own() -> None:
    assert not (ROOT / "http" / "__init__.py").exists()
    assert [named(path) for path in (ROOT / "tests").rglob("http")] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_holds_exactly_its_package(folder: str) -> None:
    found = {path.name for path in (ROOT / folder).iterdir() if path.name != "__pycache__"}
    assert found == {f"sendoff_{folder}"}


def test_no_module_has_a_name_that_says_nothing() -> None:
    names = {path: path.parent.name if path.stem == "__init__" else path.stem for path in (*CODE, *TESTS)}
    assert [named(path) for path, name in names.items() if name in VAGUE_NAMES | CONFUSING_NAMES] == []


@pytest.mark.parametrize("path", [path for path in CODE if path.name == "__init__.py"], ids=named)
def test_a_package_says_what_it_is_in_one_sentence(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring is not None
    assert re.fullmatch(r"[A-Z`/].*\.", docstring), "expected one line that is a sentence"


def test_every_module_says_what_it_is() -> None:
    assert [named(path) for path in CODE if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))] == []


def test_test_folders_are_no_packages() -> None:
    """Only the modules that tests import have one; anywhere else it could shadow a module of Python's."""
    found = {named(path) for path in (ROOT / "tests").rglob("__init__.py")}
    assert found <= {"tests/support/__init__.py", "tests/bench/__init__.py"}


def test_every_package_tells_type_checkers_that_it_is_typed() -> None:
    assert [package for package, folder in zip(PACKAGES, FOLDERS, strict=True)
            if not (ROOT / folder / package / "py.typed").exists()] == []  # fmt: skip


#: What opens a connection, or makes something that does.
OPENERS = re.compile(
    r"\b(create_connection|open_connection|create_datagram_endpoint|sock_connect|ClientSession|HTTPConnection"
    r"|urlopen|socket\.socket)\("
)


def test_exactly_one_module_opens_sockets_to_webhooks() -> None:
    """So there is one place in which an address that must not be called could be; the command line calls servers."""
    found = {named(path) for path in CODE if OPENERS.search(path.read_text(encoding="utf-8"))}
    outside = {name for name in found if not name.startswith("cli/")}
    client = "webhooks/sendoff_webhooks/client"
    silent = f"{client}/local_addresses.py"  # asks the kernel only
    assert outside - {silent} == {f"{client}/connection_pool.py"}


def use_cases() -> set[str]:
    """The modules of the API that declare operations."""
    root = ROOT / "http" / "sendoff_http"
    paths = [path for path in root.rglob("*.py") if "\nroutes = Routes(" in path.read_text(encoding="utf-8")]
    return {"sendoff_http." + str(path.relative_to(root)).removesuffix(".py").replace("/", ".") for path in paths}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Which module of Sendoff imports which."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def contracts() -> list[dict[str, Any]]:
    """The contracts of pyproject.toml that import-linter checks."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return found


def patterns(contract: dict[str, Any]) -> list[str]:
    """All modules that a contract names; a layer may hold several, separated by bars."""
    named = [
        name for key in ("layers", "modules", "source_modules", "forbidden_modules") for name in contract.get(key, ())
    ]
    return [part.strip() for name in named for part in name.split("|")]


@pytest.mark.parametrize("contract", contracts(), ids=lambda contract: contract["name"])
def test_every_pattern_of_a_contract_matches_something(contract: dict[str, Any], graph: grimp.ImportGraph) -> None:
    """A contract about modules that do not exist is kept whatever the code does."""
    own = [name for name in patterns(contract) if name.startswith("sendoff_")]
    others = set(patterns(contract)) - set(own)
    assert own
    assert [name for name in own if not graph.find_matching_modules(name)] == []
    assert [name for name in others if importlib.util.find_spec(name) is None] == []


def test_every_use_case_of_the_api_is_under_the_contract_that_keeps_them_apart() -> None:
    (contract,) = (one for one in contracts() if one["name"].startswith("The use cases of the API"))
    assert len(use_cases()) > 20
    assert set(patterns(contract)) == use_cases()


def test_a_use_case_of_the_api_is_known_only_to_the_app_that_mounts_it(graph: grimp.ImportGraph) -> None:
    strangers = {
        f"{importer} -> {module}"
        for module in use_cases()
        for importer in graph.find_modules_that_directly_import(module)
        if importer != "sendoff_http.app"
    }
    assert strangers == set()


def test_a_module_declares_one_use_case() -> None:
    """Two operations are one use case if the second takes back the first."""
    declared = Counter(operation.handler.__module__ for operation in OPERATIONS)
    assert {module for module, count in declared.items() if count > 1} == {
        "sendoff_http.customers.pause",
        "sendoff_http.jobs.pause",
    }
    assert set(declared) == use_cases()


def test_importing_the_packages_creates_nothing() -> None:
    """No thread, no event loop, no broker: what a process has, it makes in its composition root."""
    program = f"""
import importlib, pkgutil, threading
for name in {PACKAGES!r}:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
import dramatiq.broker
assert threading.active_count() == 1, threading.enumerate()
assert dramatiq.broker.global_broker is None, dramatiq.broker.global_broker
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
