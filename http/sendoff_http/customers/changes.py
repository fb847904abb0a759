"""What all changes of a customer have in common: fields by merge patch, and how they are written."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb
from pydantic import BaseModel

from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement

Document = dict[str, Any]
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


async def write_customer(
    connection: Connection, package: str, statement: str, values: Mapping[str, Any]
) -> tuple[Any, ...] | None:
    """Run a statement that stores a customer, and return its row if it stored one."""
    packed = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in values.items()}
    cursor = await connection.execute(read_statement(package, statement), packed)
    return await cursor.fetchone()
