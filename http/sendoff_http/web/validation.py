"""From pydantic's errors to ours: a JSON pointer and one sentence that says what was expected."""

import difflib
from typing import TypeVar, get_args

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from sendoff_http.web.problems import FieldError, invalid

Model = TypeVar("Model", bound=BaseModel)


class ApiModel(BaseModel):
    """A document of the API: camelCase, nothing unknown, nothing changed after reading."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=False, hide_input_in_errors=True
    )


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


def field_errors(model: type[BaseModel], error: ValidationError) -> list[FieldError]:
    """What is wrong, field by field."""
    return [FieldError(_pointer(each["loc"]), _detail(model, each)) for each in error.errors(include_url=False)]


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def _detail(model: type[BaseModel], mistake: ErrorDetails) -> str:
    kind = mistake["type"]
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        return "is not known" + _suggestion(_model_at(model, mistake["loc"][:-1]), str(mistake["loc"][-1]))
    if kind == "model_type":
        return "expected a JSON object"
    text = mistake["msg"].removeprefix("Value error, ").replace("Input should be ", "expected ")
    return text if text.startswith("expected") else text[:1].lower() + text[1:]


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """The model inside a model, as far as it can be followed."""
    for part in location:
        field = next((one for name, one in model.model_fields.items() if part in (name, one.alias)), None)
        choices = (get_args(field.annotation) or (field.annotation,)) if field else ()
        model = next((one for one in choices if isinstance(one, type) and issubclass(one, BaseModel)), model)
    return model


def _suggestion(model: type[BaseModel], name: str) -> str:
    known = [field.alias or key for key, field in model.model_fields.items()]
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known are {', '.join(known)}" if known else "; none is known here"
