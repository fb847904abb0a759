"""An operation of the API: its handler together with all that the OpenAPI document says about it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel

from sendoff_http.web.validation import ApiModel, read_query


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


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    tag: str
    summary: str
    handler: Handler
    responses: Mapping[int, ResponseDoc]
    problems: tuple[int, ...] = ()
    body: Body | None = None
    query: type[BaseModel] = NoQuery
    headers: Mapping[str, str] = field(default_factory=dict)
    open: bool = False

    @property
    def name(self) -> str:
        """The operation's id: its handler's name."""
        return self.handler.__name__


class Routes:
    """The operations of one slice."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._operations: list[Operation] = []

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations)

    def operation(
        self, method: str, path: str, summary: str, responses: Mapping[int, ResponseDoc], **rest: Any
    ) -> Callable[[Handler], Handler]:
        """Declare the decorated handler as an operation; the rest are fields of Operation."""

        def declare(handler: Handler) -> Handler:
            self._operations.append(Operation(method, path, self._tag, summary, handler, responses, **rest))
            return handler

        return declare


def mount(app: web.Application, operations: list[Operation]) -> None:
    """Make the operations reachable."""
    for operation in operations:
        handler = operation.handler if operation.query is not NoQuery else _without_query(operation.handler)
        if operation.method == "GET":
            app.router.add_get(operation.path, handler)  # with HEAD
        else:
            app.router.add_route(operation.method, operation.path, handler)


def _without_query(handler: Handler) -> Handler:
    async def checked(request: web.Request) -> web.StreamResponse:
        if request.query_string:
            read_query(request, NoQuery)
        return await handler(request)

    return checked
