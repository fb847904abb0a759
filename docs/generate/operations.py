"""The page of all operations of the API, from what its OpenAPI document is made of."""

from itertools import groupby

from generate.tables import code, page, table
from sendoff_http.app import OPERATIONS
from sendoff_http.web.operation import Operation

_HEADS = ("operation", "what it does", "scope of the key")
_INTRODUCTION = (
    "Every operation. The schemas, with examples that can be tried, are in /openapi.json and on the Swagger page"
    " of a running Sendoff. A key needs one of the scopes; *fleet* means that a key of one customer won't do."
)


def operations_page() -> str:
    """The page."""
    parts = []
    for tag, operations in groupby(sorted(OPERATIONS, key=lambda one: one.tag), key=lambda one: one.tag):
        rows = [(code(f"{one.method.upper()} {one.path}"), one.summary, _access(one)) for one in operations]
        parts += [f"## {tag}", table(_HEADS, rows)]
    return page("API", _INTRODUCTION, *parts)


def _access(operation: Operation) -> str:
    scopes = ", ".join(code(scope) for scope in operation.access.scopes) or "open"
    return f"{scopes}, fleet" if operation.access.of_fleet else scopes
