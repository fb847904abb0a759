"""Reads config.yaml and the environment into frozen settings, once per process."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sendoff_config.environment import Variables, read_variables
from sendoff_config.settings import Settings
from sendoff_config.settings_errors import explain
from sendoff_config.yaml_loader import in_one_line, parse_yaml
from sendoff_domain.errors import SettingsError

Document = dict[str, Any]


def load_settings(path: Path | None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of the file, overridden by `SENDOFF_SECTION__KEY` variables; no path means defaults.

    Raises SettingsError with one line per mistake: the file or the variable, the key's path, what was expected, what
    was found.
    """
    document = {} if path is None else _read_file(path)
    variables = read_variables(os.environ if environ is None else environ)
    try:
        return Settings.model_validate(_merge(document, variables.document))
    except ValidationError as error:
        mistakes = [
            in_one_line(f"{_source(mistake, path, variables)}: {explain(mistake)}") for mistake in error.errors()
        ]
        raise SettingsError("\n".join(mistakes)) from None


def _read_file(path: Path) -> Document:
    try:
        document = parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # UnicodeDecodeError is one, too
        raise SettingsError(f"{path}: expected YAML: {error}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(f"{path}: expected sections with keys, got {document!r}")
    return {key: value for key, value in document.items() if value is not None}  # a section with no key in it


def _merge(base: Document, over: Document) -> Document:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _source(mistake: ErrorDetails, path: Path | None, variables: Variables) -> str:
    """The variable that set the value, or else the file."""
    location = tuple(str(part) for part in mistake["loc"])
    for length in range(len(location), 0, -1):
        if location[:length] in variables.names:
            return variables.names[location[:length]]
    return "the environment" if path is None else str(path)
