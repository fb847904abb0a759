"""Settings from the environment: `SENDOFF_SCHEDULER__BATCH_SIZE` is `scheduler.batchSize`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic.alias_generators import to_camel

from sendoff_config.yaml_loader import parse_yaml
from sendoff_domain.errors import SettingsError

PREFIX = "SENDOFF_"
#: Variables that tell a process where and who it is, and the command whom to ask; they are no settings.
RESERVED = frozenset({"CONFIG", "DATA", "INSTANCE", "METRICS_FOLDER", "PROCESS", "URL", "API_KEY"})
#: What Kubernetes sets in every container when a service is called `sendoff` or `sendoff-...`.
_KUBERNETES = re.compile(
    r"(?:\A|(?<=.)_)"
    r"(?:SERVICE_HOST\Z|SERVICE_PORT(?:_.|\Z)|PORT_[0-9]{1,5}_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?\Z)"
)
_WORDS = re.compile(r"[A-Z0-9_]+")
_KUBERNETES_PORT = re.compile(r"(tcp|udp|sctp)://[^/]+:\d+")

Location = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variables:
    """The settings as a document like the file's, and which variable set what."""

    document: dict[str, Any]
    names: Mapping[Location, str]


def read_variables(environ: Mapping[str, str]) -> Variables:
    """All settings of the environment; an empty variable counts as not set.

    Raises SettingsError for a list or map that is no YAML, and for a section that is set both whole and by key.
    """
    document: dict[str, Any] = {}
    names: dict[Location, str] = {}
    for name, value in sorted(environ.items()):
        if not _is_setting(name, value):
            continue
        location = tuple(to_camel(part.lower()) for part in name.removeprefix(PREFIX).split("__"))
        place = document
        for section in location[:-1]:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise SettingsError(f"{name}: expected {section} to be set either as a whole or key by key")
        place[location[-1]] = _structured(name, value)
        names[location] = name
    return Variables(document, names)


def _is_setting(name: str, value: str) -> bool:
    rest = name.removeprefix(PREFIX)
    if not name.startswith(PREFIX) or rest in RESERVED or value == "":
        return False
    is_kubernetes = _WORDS.fullmatch(rest) and _KUBERNETES.search(rest)
    return not (is_kubernetes or (rest.endswith("PORT") and _KUBERNETES_PORT.fullmatch(value)))


def _structured(name: str, value: str) -> Any:
    """Lists and maps are written as YAML; anything else is left to the model, so a password of digits stays text."""
    if value[:1] not in ("[", "{"):
        return value
    try:
        return parse_yaml(value)
    except ValueError as error:
        raise SettingsError(f"{name}: expected YAML: {error}") from None
