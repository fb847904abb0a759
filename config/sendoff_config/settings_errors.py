"""Mistakes in settings as a person reads them: the key's path, what was expected, what was found."""

from pydantic_core import ErrorDetails

from sendoff_config.settings import Settings
from sendoff_domain.validation_errors import Vocabulary, explain_error, field_types, model_at

#: Where pydantic speaks of Python's types.
_YAML = Vocabulary(
    unknown="unknown key",
    known="expected one of",
    by_type={
        "model_type": "expected a section with keys",
        "tuple_type": "expected a list",
        "string_type": "expected a text",
        "string_pattern_mismatch": "expected a text that matches {pattern}",
        "too_short": "expected at least {min_length} in the list",
        "too_long": "expected at most {max_length} in the list",
        "invalid_key": "expected a name",
    },
)
#: The addresses of servers; each may hold a password, wherever a mistake has put it.
_SERVERS = ("postgres", "redis", "nats")
#: The API's keys; a secret may stand in the place of the whole list, of a key, and of a key's name by mistake.
_KEYS = ("http", "apiKeys")
_SHOWN_OF_KEYS = ("role", "customer", "rate")


def explain(error: ErrorDetails) -> str:
    """One mistake in one line; the value of a secret is never shown."""
    path = ".".join(str(part) for part in error["loc"])
    sentence = explain_error(Settings, error, _YAML)
    found = error["input"]
    hidden = (
        error["type"] == "extra_forbidden"
        or isinstance(found, dict)
        or "got" in sentence
        or _is_secret(error["loc"], found)
    )
    return f"{path}: {sentence}" if hidden else f"{path}: {sentence}, got {'nothing' if found is None else repr(found)}"


def _is_secret(location: tuple[int | str, ...], found: object) -> bool:
    """Whether a value must not be shown: a secret's, or a URL's that may hold a password."""
    if location and location[0] in _SERVERS and str(location[-1]).lower().endswith("url"):
        return True
    if location[:2] == _KEYS and location[-1] not in _SHOWN_OF_KEYS:
        return True
    types = field_types(model_at(Settings, location))
    return "@" in str(found) or any("SecretStr" in str(types.get(str(part), "")) for part in location)
