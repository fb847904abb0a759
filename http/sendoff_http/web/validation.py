"""Reads documents and queries as models; what is wrong becomes a problem that names every mistake."""

from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from sendoff_domain.document_model import DocumentModel
from sendoff_domain.validation_errors import FieldError, field_errors
from sendoff_http.web.problems import invalid

Model = TypeVar("Model", bound=BaseModel)


class ApiModel(DocumentModel):
    """A document of the API."""


def validate(model: type[Model], value: object) -> Model:
    """The value as a model; raises ProblemError 422 that names every mistake."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(field_errors(model, error)) from None


def read_query(request: web.Request, model: type[Model]) -> Model:
    """The query string as a model; raises ProblemError 422, also for a parameter that is unknown or given twice."""
    query = request.query
    if len(query) != len(set(query)):
        twice = next(name for name in query if len(query.getall(name)) > 1)
        raise invalid([FieldError(f"?{twice}", "expected once")])
    try:
        return model.model_validate(dict(query))
    except ValidationError as error:
        found = field_errors(model, error)
        raise invalid([FieldError("?" + each.pointer[1:], each.detail, each.code) for each in found]) from None
