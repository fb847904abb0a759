"""The OpenAPI 3.1 document, generated from the operations and from the models that validate."""

import re
from collections.abc import Iterable
from typing import Any

from aiohttp import web
from apispec import APISpec
from pydantic import BaseModel, Field, TypeAdapter
from pydantic.json_schema import models_json_schema

import sendoff_http
from sendoff_domain.validation_errors import FieldError
from sendoff_http.web.operation import Operation
from sendoff_http.web.problems import CONTENT_TYPE

OPENAPI: web.AppKey[dict[str, Any]] = web.AppKey("openapi")

_PLACEHOLDER = re.compile(r"{([a-z_]+)")
_REF = "#/components/schemas/{model}"
_MEANINGS = {
    400: "The body or the query cannot be read",
    401: "No known API key",
    403: "The API key, the page that a browser shows, or a webhook request of Sendoff itself may not do this",
    404: "There is no such thing",
    409: "The present state does not allow it",
    412: "It was changed in the meantime",
    413: "Too large",
    415: "Not a media type that is understood",
    422: "Readable, but not allowed",
    429: "The key has used up its rate, a backlog is full, or jobs are too many; Retry-After tells when to try again",
    500: "A mistake of the server",
    503: "Something that is needed is away; try again",
}


class Problem(BaseModel):
    """RFC 9457: what went wrong, for a person (`title`, `detail`) and for a program (`code`)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str = Field(alias="requestId")
    errors: list[FieldError] = Field(default_factory=list)


def describe_api(operations: Iterable[Operation], *, needs_key: bool = True) -> dict[str, Any]:
    """The document; built once at start. Without `needs_key` each operation may also be called without a key."""
    spec = APISpec(
        title="Sendoff",
        version=sendoff_http.__version__,
        openapi_version="3.1.0",
        info={"description": "Delivers scheduled messages to webhooks."},
    )
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    spec.components.security_scheme("apiKey", {"type": "apiKey", "in": "header", "name": "X-API-Key"})
    paths: dict[str, dict[str, Any]] = {}
    listed = list(operations)
    _add_schemas(spec, listed)
    for operation in listed:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation) | _security(
            operation, needs_key=needs_key
        )
    for path, methods in paths.items():
        spec.path(path=path, operations=methods)
    return spec.to_dict()


def _add_schemas(spec: APISpec, operations: list[Operation]) -> None:
    models: set[type[BaseModel]] = {Problem}
    for operation in operations:
        for response in operation.responses.values():
            models |= _models_in(response.model)
        for model in operation.body.models.values() if operation.body else ():
            models |= _models_in(model)
    ordered = sorted(models, key=lambda model: model.__name__)
    _, definitions = models_json_schema([(model, "validation") for model in ordered], ref_template=_REF)
    for name, schema in definitions.get("$defs", {}).items():
        spec.components.schema(name, schema)


def _models_in(model: Any) -> set[type[BaseModel]]:
    if isinstance(model, type) and issubclass(model, BaseModel):
        return {model}
    return set().union(*(_models_in(inner) for inner in getattr(model, "__args__", ())))


def _schema(model: Any) -> dict[str, Any]:
    if isinstance(model, type) and issubclass(model, BaseModel):
        return {"$ref": _REF.format(model=model.__name__)}
    schema = TypeAdapter(model).json_schema(ref_template=_REF)
    schema.pop("$defs", None)
    return schema


def _describe(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_header_parameters(operation)],
        "responses": _responses(operation),
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": operation.body.required,
            "content": {
                media_type: {"schema": _schema(model), **_examples(operation, media_type)}
                for media_type, model in operation.body.models.items()
            },
        }
    return described


def _security(operation: Operation, *, needs_key: bool) -> dict[str, Any]:
    """What a caller must have: one of the scopes, each named for both ways to send a key."""
    if operation.access.is_open:
        return {"security": []}
    ways = [{way: [scope]} for scope in operation.access.scopes for way in ("bearer", "apiKey")]
    return {"security": ways if needs_key else [*ways, {}]}


def _examples(operation: Operation, media_type: str) -> dict[str, Any]:
    examples = operation.body.examples if operation.body else {}
    if not examples or media_type != "application/json":
        return {}
    return {"examples": {name: {"value": value} for name, value in examples.items()}}


def _responses(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {}
    for status, response in operation.responses.items():
        described[str(status)] = {"description": response.description}
        if response.model is not None:
            described[str(status)]["content"] = {response.content_type: {"schema": _schema(response.model)}}
        if response.headers:
            described[str(status)]["headers"] = {
                name: {"description": text, "schema": {"type": "string"}} for name, text in response.headers.items()
            }
    for status in sorted({*operation.problems, 422, 500, *(() if operation.access.is_open else (401, 403, 429))}):
        content = {CONTENT_TYPE: {"schema": _schema(Problem)}}
        described.setdefault(str(status), {"description": _MEANINGS[status], "content": content})
    return described


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    names = _PLACEHOLDER.findall(operation.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    schema = operation.query.model_json_schema(ref_template=_REF)
    definitions = schema.get("$defs", {})
    parameters = []
    for name, found in schema.get("properties", {}).items():
        kept = _inlined(_without_null(found), definitions)
        description = kept.pop("description", "")
        kept.pop("title", None)
        parameters.append({"name": name, "in": "query", "description": description, "schema": kept})
    return parameters


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter of the query is absent, never null."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default") or value is not None}
    if len(choices) != 1:
        return rest
    rest.pop("anyOf", None)
    return {**choices[0], **rest}


def _inlined(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name not in definitions:
        return dict(schema)
    return {**definitions[name], **{key: value for key, value in schema.items() if key != "$ref"}}


def _header_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in operation.headers.items()
    ]
