"""Reads documents and queries as models; what is wrong becomes a problem that names every mistake."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from sendoff_domain.document_model import DocumentModel
from sendoff_domain.validation_errors import FieldError, field_errors
from sendoff_http.web.problems import invalid

Model = TypeVar("Model", bound=BaseModel)
Query = TypeVar("Query", bound="ApiModel")


class ApiModel(DocumentModel):
    """A document of the API, or a query, which gives the members of its `prefixed` fields one by one: `field.KEY=x`."""

    prefixed: ClassVar[frozenset[str]] = frozenset()


def validate(model: type[Model], value: object) -> Model:
    """The value as a model; raises ProblemError 422 that names every mistake."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(field_errors(model, error)) from None


def read_query(request: web.Request, model: type[Query]) -> Query:
    """The query string as a model; raises ProblemError 422, also for a parameter that is unknown or given twice."""
    query = request.query
    if len(query) != len(set(query)):
        twice = next(name for name in query if len(query.getall(name)) > 1)
        raise invalid([FieldError(f"?{twice}", "expected once")])
    try:
        return model.model_validate(_fields(query, model.prefixed))
    except ValidationError as error:
        found = field_errors(model, error)
        raise invalid([FieldError("?" + each.pointer[1:], each.detail, each.code) for each in found]) from None


def _fields(query: Mapping[str, str], prefixed: frozenset[str]) -> dict[str, Any]:
    """The parameters; `metadata.a.b=1` is the member `a.b` of the field `metadata`, and all else stays what it is."""
    fields: dict[str, Any] = {}
    for name, value in query.items():
        field, dot, member = name.partition(".")
        if field not in prefixed:
            fields[name] = value
        elif dot:
            fields.setdefault(field, {})[member] = value
        else:
            raise invalid([FieldError(f"?{name}", f"expected {name}.KEY=VALUE")])
    return fields
