"""Holds what is published on NATS against the AsyncAPI document, and the document against the rules of AsyncAPI 3."""

import json
import re
from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from sendoff_http.operations.channels import describe_streams

_REFERENCE = {"type": "object", "required": ["$ref"], "properties": {"$ref": {"type": "string"}}, "maxProperties": 1}
_NAME = r"^[A-Za-z0-9._-]+$"
_TEXTS = {name: {"type": "string"} for name in ("title", "summary", "description")}


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """An object with these members and no others."""
    return {"type": "object", "required": [*required], "properties": properties, "additionalProperties": False}


def _map_of(each: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "propertyNames": {"pattern": _NAME}, "additionalProperties": each}


_REFERENCES = {"type": "array", "items": _REFERENCE}
_PARAMETER = _object(
    enum={"type": "array"},
    default={"type": "string"},
    examples={"type": "array"},
    location={"type": "string"},
    description={"type": "string"},
)
_CHANNEL = _object(
    ("messages",),
    address={"type": ["string", "null"]},
    messages={**_map_of(_REFERENCE), "minProperties": 1},
    parameters=_map_of(_PARAMETER),
    **_TEXTS,
)
_REPLY = _object((), channel=_REFERENCE, messages=_REFERENCES, address={"type": "object"})
_OPERATION = _object(
    ("action", "channel"),
    action={"enum": ["send", "receive"]},
    channel=_REFERENCE,
    messages=_REFERENCES,
    reply=_REPLY,
    **_TEXTS,
)
_EXAMPLE = {**_object((), name={}, summary={}, headers={"type": "object"}, payload={}), "minProperties": 1}
_MESSAGE = _object(
    ("payload",),
    name={"type": "string"},
    contentType={"type": "string"},
    payload={"type": "object"},
    headers={"type": "object", "required": ["type"], "properties": {"type": {"const": "object"}}},
    examples={"type": "array", "items": _EXAMPLE},
    **_TEXTS,
)
#: What AsyncAPI 3.0.0 says of the parts that we use: https://www.asyncapi.com/docs/reference/specification/v3.0.0
RULES = _object(
    ("asyncapi", "info"),
    asyncapi={"const": "3.0.0"},
    info=_object(("title", "version"), version={"type": "string"}, **_TEXTS),
    defaultContentType={"type": "string"},
    channels=_map_of(_CHANNEL),
    operations=_map_of(_OPERATION),
    components=_object((), messages=_map_of(_MESSAGE), schemas=_map_of({"type": "object"})),
)


def resolve(document: Mapping[str, Any], reference: str) -> Any:
    """What a reference leads to; raises KeyError if that is nothing."""
    assert reference.startswith("#/"), reference
    found: Any = document
    for token in reference[2:].split("/"):
        found = found[token]
    return found


class StreamContract:
    """What the document of a fleet promises about subjects of NATS."""

    def __init__(self, prefix: str) -> None:
        # As JSON: what a client gets.
        self.document: dict[str, Any] = json.loads(json.dumps(describe_streams(prefix)))
        self._subjects = {
            re.compile(re.sub(r"\\{[a-z]+\\}", "[^.]+", re.escape(channel["address"]))): name
            for name, channel in self.document["channels"].items()
            if channel["address"] is not None
        }
        self._validators = {
            name: {part: self._validator(name, part) for part in ("payload", "headers") if part in message}
            for name, message in self.document["components"]["messages"].items()
        }

    def check(self, subject: str, payload: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Raise AssertionError unless the document promises such a message on that subject."""
        name = next((name for pattern, name in self._subjects.items() if pattern.fullmatch(subject)), None)
        assert name is not None, f"the document has no channel for {subject}"
        self.check_part(name, "payload", json.loads(payload))
        if headers is not None:
            self.check_part(name, "headers", dict(headers))

    def check_part(self, name: str, part: str, value: Any) -> None:
        """Raise AssertionError unless that is a payload, or are headers, of that message."""
        errors = [f"{error.instance_path} {error.message}" for error in self._validators[name][part].iter_errors(value)]
        assert not errors, f"{name}: {errors}"

    def _validator(self, name: str, part: str) -> jsonschema_rs.Draft7Validator:
        schema = {"allOf": [{"$ref": f"#/components/messages/{name}/{part}"}], **self.document}
        return jsonschema_rs.Draft7Validator(schema, validate_formats=True)
