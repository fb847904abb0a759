"""An operation of the API: its handler together with all that the OpenAPI document says about it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict, Unpack

from aiohttp import web
from aiohttp.typedefs import Handler

from sendoff_domain.access import Scope
from sendoff_http.web.validation import ApiModel


@dataclass(frozen=True, slots=True)
class Access:
    """What a handler asks of a caller: one of `scopes` (none: it is open); `of_fleet`: no key of a single customer."""

    scopes: tuple[Scope, ...] = ()
    of_fleet: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it answers without an API key."""
        return not self.scopes


#: What each handler that answers a request asks of its caller.
ACCESS: web.AppKey[dict[Handler, Access]] = web.AppKey("access")
OPEN = Access()
#: The handlers of operations that take no query.
QUERYLESS: web.AppKey[set[Handler]] = web.AppKey("queryless")


def needs(*scopes: Scope, of_fleet: bool = False) -> Access:
    """The access of what needs a key with one of these scopes."""
    return Access(scopes, of_fleet)


class NoQuery(ApiModel):
    """No query parameter is known."""


@dataclass(frozen=True, slots=True)
class ResponseDoc:
    """What a status means, and the model of its document (None: no body)."""

    description: str
    model: Any = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Body:
    """What may be sent: media type to model, and examples that are really accepted."""

    models: Mapping[str, Any]
    examples: Mapping[str, Any] = field(default_factory=dict)
    required: bool = True


class OperationOptions(TypedDict, total=False):
    """What an operation may declare beside its path, summary and responses: fields of Operation."""

    problems: tuple[int, ...]
    body: Body | None
    query: type[ApiModel]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path, and what it asks of a caller: `access` has no default, so that it is never forgotten."""

    method: str
    path: str
    tag: str
    summary: str
    handler: Handler
    access: Access
    responses: Mapping[int, ResponseDoc]
    problems: tuple[int, ...] = ()
    body: Body | None = None
    query: type[ApiModel] = NoQuery
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The operation's id: its handler's name."""
        return self.handler.__name__


class Routes:
    """The operations that one module declares."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._operations: list[Operation] = []

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations)

    def operation(
        self,
        method: str,
        path: str,
        summary: str,
        responses: Mapping[int, ResponseDoc],
        *,
        access: Access,
        **options: Unpack[OperationOptions],
    ) -> Callable[[Handler], Handler]:
        """Declare the decorated handler as an operation of the API."""

        def declare(handler: Handler) -> Handler:
            operation = Operation(
                method=method,
                path=path,
                tag=self._tag,
                summary=summary,
                handler=handler,
                access=access,
                responses=responses,
                **options,
            )
            self._operations.append(operation)
            return handler

        return declare


def mount(app: web.Application, operations: list[Operation]) -> None:
    """Make the operations reachable."""
    app[ACCESS], app[QUERYLESS] = {}, {operation.handler for operation in operations if operation.query is NoQuery}
    paths = sorted({operation.path for operation in operations})
    for operation in operations:
        app[ACCESS][operation.handler] = operation.access
        path = _without_words(operation.path, paths)
        if operation.method == "GET":
            app.router.add_get(path, operation.handler)  # with HEAD
        else:
            app.router.add_route(operation.method, path, operation.handler)


def _without_words(path: str, paths: list[str]) -> str:
    """The path, whose id at its end is none of the words beside it: /v1/messages/{id} is not /v1/messages/batch."""
    folder, _, name = path.rpartition("/")
    others = [other.rpartition("/")[2] for other in paths if other != path and other.rpartition("/")[0] == folder]
    if not others or not name.startswith("{"):
        return path
    return f"{folder}/{{{name[1:-1]}:(?!(?:{'|'.join(map(re.escape, others))})\\Z)[^/]+}}"


def mount_open_page(app: web.Application, path: str, handler: Handler) -> None:
    """Make a page for people reachable: it needs no API key, and the OpenAPI document does not name it."""
    app[ACCESS][handler] = OPEN
    app.router.add_get(path, handler)
