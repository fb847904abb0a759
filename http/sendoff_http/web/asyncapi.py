"""The AsyncAPI 3.0 document, generated from the channels and from the models that are published and read."""

import functools
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import sendoff_http

ASYNCAPI: web.AppKey[dict[str, Any]] = web.AppKey("asyncapi")

Model = type[BaseModel] | type[msgspec.Struct]
Schema = Mapping[str, Any]

_SCHEMAS = "#/components/schemas/"
_PARAMETERS = {"customer": {"description": "The customer's id."}}


@dataclass(frozen=True, slots=True)
class Example:
    """A message that could be on a channel."""

    payload: Any
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Subjects of NATS with one kind of message on them; `action` is what Sendoff does there.

    Without an `address` it is the subject that a request names for its reply. `narrowed` says more of the payload than
    its model does. `reply` is the name of the channel on which a message is answered.
    """

    name: str
    address: str | None
    action: Literal["send", "receive"]
    summary: str
    model: Model
    narrowed: Schema | None = None
    content_type: str = "application/json"
    headers: Schema | None = None
    examples: Sequence[Example] = ()
    reply: str | None = None


def reference_to(model: Model) -> dict[str, str]:
    """Where the schema of a model is."""
    return {"$ref": _SCHEMAS + model.__name__}


def describe_channels(channels: Sequence[Channel], others: Iterable[Model] = ()) -> dict[str, Any]:
    """The document; `others` are models that only a narrowed payload names."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sendoff",
            "version": sendoff_http.__version__,
            "description": "Delivers scheduled messages to webhooks: what it takes and tells over NATS.",
        },
        "defaultContentType": "application/json",
        "channels": {channel.name: _describe_channel(channel) for channel in channels},
        "operations": {channel.name: _describe_operation(channel) for channel in channels if channel.address},
        "components": {
            "messages": {channel.name: _describe_message(channel) for channel in channels},
            "schemas": _schemas(frozenset((*(channel.model for channel in channels), *others))),
        },
    }


def _describe_channel(channel: Channel) -> dict[str, Any]:
    names = [name for _, name, _, _ in string.Formatter().parse(channel.address or "") if name]
    return {
        "address": channel.address,
        "summary": channel.summary,
        "messages": {channel.name: {"$ref": f"#/components/messages/{channel.name}"}},
        **({"parameters": {name: _PARAMETERS[name] for name in names}} if names else {}),
    }


def _describe_operation(channel: Channel) -> dict[str, Any]:
    described = {
        "action": channel.action,
        "summary": channel.summary,
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "messages": _messages_of(channel.name),
    }
    if channel.reply is not None:
        described["reply"] = {
            "channel": {"$ref": f"#/channels/{channel.reply}"},
            "messages": _messages_of(channel.reply),
        }
    return described


def _messages_of(name: str) -> list[dict[str, str]]:
    return [{"$ref": f"#/channels/{name}/messages/{name}"}]


def _describe_message(channel: Channel) -> dict[str, Any]:
    reference = reference_to(channel.model)
    described: dict[str, Any] = {
        "name": channel.name,
        "summary": channel.summary,
        "contentType": channel.content_type,
        "payload": reference if channel.narrowed is None else {"allOf": [reference, channel.narrowed]},
    }
    if channel.headers is not None:
        described["headers"] = channel.headers
    if channel.examples:
        described["examples"] = [
            {"payload": one.payload, **({} if one.headers is None else {"headers": one.headers})}
            for one in channel.examples
        ]
    return described


@functools.cache
def _schemas(models: frozenset[Model]) -> dict[str, Any]:
    """The schemas of all models and of what they are made of, each by its name; worked out once in a process."""
    ordered = sorted(models, key=lambda model: model.__name__)
    documents = [model for model in ordered if issubclass(model, BaseModel)]
    structs = [model for model in ordered if issubclass(model, msgspec.Struct)]
    _, described = models_json_schema([(model, "validation") for model in documents], ref_template=_SCHEMAS + "{model}")
    _, of_structs = msgspec.json.schema_components(structs, ref_template=_SCHEMAS + "{name}")
    return {**described.get("$defs", {}), **{name: _portable(schema) for name, schema in of_structs.items()}}


def _portable(value: Any) -> Any:
    r"""The schema with patterns as every language reads them: Python's \A and \Z are ^ and $."""
    if isinstance(value, dict):
        return {name: _portable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_portable(each) for each in value]
    if isinstance(value, str) and value.startswith(r"\A") and value.endswith(r"\Z"):
        return f"^{value[2:-2]}$"
    return value
