"""The page of all problems that the API answers with, from where they are raised."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from generate.tables import code, page, table

_INTRODUCTION = (
    "An error of the API is a problem document (RFC 9457, application/problem+json). Its `code` is stable and for"
    " programs; `detail` says it to a person, and `errors` names the places in the body that are wrong, each by a"
    " JSON pointer. Where a detail has a part that depends on the request, the table has an ellipsis."
)
#: Where the code only hands a detail on.
_MEANINGS = {
    "invalid": "the request can be read, and something in it is not allowed: see `errors`",
    "secret_unreadable": "a stored secret does not open: its encryption key is missing, or its row was changed",
    "unauthorized": "there is no API key in the request, or one that is unknown, revoked or expired",
    "unavailable": "too much at once, or a server that is needed does not answer; send the request again",
}
Problem = tuple[str, int]


def problems_page(sources: Iterable[Path]) -> str:
    """The page for the problems that are raised in these files."""
    found: dict[Problem, set[str]] = defaultdict(set)
    for source in sources:
        for problem, detail in _problems_in(ast.parse(source.read_text(encoding="utf-8"))):
            found[problem].update({detail} - {"", "…"})
    rows = [(code(name), str(status), _meaning(name, found[name, status])) for name, status in sorted(found)]
    return page("Problems", _INTRODUCTION, table(("code", "status", "detail"), rows))


def _meaning(name: str, details: Iterable[str]) -> str:
    return _MEANINGS.get(name) or "; or: ".join(sorted(details))


def _problems_in(tree: ast.Module) -> Iterator[tuple[Problem, str]]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            texts = {
                node.targets[0].id: node.value
                for node in ast.walk(function)
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            }
            for node in ast.walk(function):
                match node:
                    case ast.Call(
                        func=ast.Name(id="ProblemError"),
                        args=[ast.Constant(value=int(status)), ast.Constant(value=str(name)), detail, *_],
                    ):
                        given = texts.get(detail.id, detail) if isinstance(detail, ast.Name) else detail
                        yield (name, status), _text(given)


def _text(detail: ast.expr) -> str:
    match detail:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(value) for value in values)
        case ast.BinOp(left=left, right=right):
            return _text(left) + _text(right)
    return "…"
