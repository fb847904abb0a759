"""Mistakes in settings as a person reads them: the key's path, what was expected, what was found."""

import difflib
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sendoff_config.settings import Settings

#: Where pydantic speaks of Python's types.
_EXPECTED = {
    "model_type": "a section with keys",
    "tuple_type": "a list",
    "string_type": "a text",
    "string_pattern_mismatch": "a text that matches {pattern}",
    "too_short": "at least {min_length} in the list",
    "too_long": "at most {max_length} in the list",
    "invalid_key": "a name",
}
#: The addresses of servers; each may hold a password, wherever a mistake has put it.
_SERVERS = ("postgres", "redis", "nats")


def explain(mistake: ErrorDetails) -> str:
    """One mistake in one line; the value of a secret is never shown."""
    path = ".".join(str(part) for part in mistake["loc"])
    if mistake["type"] == "extra_forbidden":
        return f"{path}: unknown key{_suggestion(mistake['loc'])}"
    expected = _expected(mistake)
    found = mistake["input"]
    hidden = isinstance(found, dict) or "got" in expected or _is_secret(mistake["loc"], found)
    return f"{path}: {expected}" if hidden else f"{path}: {expected}, got {'nothing' if found is None else repr(found)}"


def _expected(mistake: ErrorDetails) -> str:
    known = _EXPECTED.get(mistake["type"])
    if known is not None:
        context: dict[str, Any] = mistake.get("ctx", {})
        return f"expected {known.format(**context)}"
    text = mistake["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return text if text.startswith("expected") else f"expected {text}"


def _is_secret(location: tuple[int | str, ...], found: object) -> bool:
    """Whether a value must not be shown: a secret's, or a URL's that may hold a password."""
    if location and location[0] in _SERVERS and str(location[-1]).lower().endswith("url"):
        return True
    fields = {field.alias or name: str(field.annotation) for name, field in _model_at(location).model_fields.items()}
    return "@" in str(found) or any("SecretStr" in fields.get(str(part), "") for part in location)


def _suggestion(location: tuple[int | str, ...]) -> str:
    known = [field.alias or name for name, field in _model_at(location[:-1]).model_fields.items()]
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; expected one of {', '.join(known)}"


def _model_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    model: type[BaseModel] = Settings
    for part in location:
        fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        inner = fields.get(str(part))
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        model = inner
    return model
