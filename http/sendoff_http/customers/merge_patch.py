"""Merge patches (RFC 7396) of a customer's document."""

from typing import Any

from pydantic import BaseModel

from sendoff_webhooks.customer import Document

#: Header names are the same in capitals and small letters.
_HEADERS = "headers"


def merged(model: type[BaseModel], document: Document, patch: Document) -> Document:
    """The document with the patch applied: what is absent stays, null brings back the default.

    So far as the model has sections in sections; within a value, such as a JSON Schema, and for a value that may be
    anything null is null. A key that the model does not know stays for the validation to refuse.
    """
    known = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    result = dict(document)
    for key, value in patch.items():
        section = known.get(key)
        if value is None and known.get(key, Any) is not Any:
            result.pop(key, None)
        elif key == _HEADERS and isinstance(value, dict):
            result[key] = _merged_headers(result.get(key, {}), value)
        elif isinstance(section, type) and issubclass(section, BaseModel) and isinstance(value, dict):
            result[key] = merged(section, result.get(key, {}), value)
        else:
            result[key] = value
    return result


def _merged_headers(headers: Document, patch: Document) -> Document:
    replaced = {name.lower() for name in patch}
    kept = {name: value for name, value in headers.items() if name.lower() not in replaced}
    return {**kept, **{name: value for name, value in patch.items() if value is not None}}
