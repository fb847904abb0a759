"""Reads config.yaml and the environment into frozen settings, once per process."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from sendoff_domain.errors import SettingsError
from sendoff_domain.settings import Settings

PREFIX = "SENDOFF_"
#: Variables that tell a process where and who it is; they are no settings.
RESERVED = frozenset({"CONFIG", "DATA", "INSTANCE", "PROCESS"})

Document = dict[str, Any]


def load_settings(path: Path | None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of the file, overridden by `SENDOFF_SECTION__KEY` variables; no path means defaults.

    Raises SettingsError with one line per mistake: the key's path, what was expected, what was found.
    """
    source = "the environment" if path is None else str(path)
    document = {} if path is None else _read_file(path)
    merged = _merge(document, _read_environment(os.environ if environ is None else environ))
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        mistakes = [_explain(mistake) for mistake in error.errors()]
        raise SettingsError("\n".join(f"{source}: {mistake}" for mistake in mistakes)) from None


def _read_file(path: Path) -> Document:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: expected YAML: {' '.join(str(error).split())}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(f"{path}: expected sections with keys, got {document!r}")
    return {key: value for key, value in document.items() if value is not None}  # a section with no key in it


def _read_environment(environ: Mapping[str, str]) -> Document:
    document: Document = {}
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name.removeprefix(PREFIX) in RESERVED:
            continue
        *sections, key = [to_camel(part.lower()) for part in name.removeprefix(PREFIX).split("__")]
        place = document
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise SettingsError(f"{name}: expected {section} to be set either as a whole or key by key")
        place[key] = _structured(name, value)
    return document


def _structured(name: str, value: str) -> Any:
    """Lists and maps are written as YAML; anything else is left to the model, so a password of digits stays text."""
    if value[:1] not in ("[", "{"):
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise SettingsError(f"{name}: expected YAML: {getattr(error, 'problem', None) or 'cannot be read'}") from None


def _merge(base: Document, over: Document) -> Document:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _explain(mistake: ErrorDetails) -> str:
    path = ".".join(str(part) for part in mistake["loc"])
    if mistake["type"] == "extra_forbidden":
        return f"{path}: unknown key{_suggestion(mistake['loc'])}"
    expected = mistake["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if not expected.startswith("expected"):
        expected = f"expected {expected}"
    found = mistake["input"]
    hidden = isinstance(found, dict) or "got" in expected or _is_secret(mistake["loc"], found)
    return f"{path}: {expected}" if hidden else f"{path}: {expected}, got {found!r}"


def _is_secret(location: tuple[int | str, ...], found: object) -> bool:
    """Whether a value must not be shown: a secret's, or a URL's that may hold a password."""
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
