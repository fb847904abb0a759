"""Which statements the code runs: found by reading the calls of `sendoff_db.sql`, not by running them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

#: The functions that run a statement or read its text, and where the package stands in their arguments.
_PACKAGE_AT = {
    "read_statement": 0,
    "fetch_all": 1,
    "fetch_all_as": 1,
    "fetch_one": 1,
    "run": 1,
    "run_in_index_order": 1,
    "ask_in_index_order": 1,
}


@dataclass(frozen=True, slots=True)
class StatementCall:
    """A call that runs `<name>.sql` of a package; the name is None when it is not written at the call."""

    package: str
    name: str | None


def statement_calls(source: str, package: str) -> Iterator[StatementCall]:
    """The calls in one module of that package."""
    tree = ast.parse(source)
    constants = _constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _PACKAGE_AT:
            place = _PACKAGE_AT[node.func.id]
            if len(node.args) > place + 1:
                called, name = node.args[place : place + 2]
                yield StatementCall(_text(called, constants) or package, _text(name, constants))


def texts(source: str) -> set[str]:
    """Every text constant of a module."""
    nodes = ast.walk(ast.parse(source))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _constants(tree: ast.Module) -> dict[str, str]:
    """The texts that a module gives names to."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _text(node: ast.expr, constants: dict[str, str]) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return constants.get(node.id) if isinstance(node, ast.Name) else None
