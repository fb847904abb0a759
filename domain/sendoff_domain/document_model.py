"""What every JSON document that comes in or goes out has in common."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from sendoff_domain.durations import format_duration


class DocumentModel(BaseModel):
    """A document: camelCase names, nothing unknown, nothing changed after reading, no input in its errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=False, hide_input_in_errors=True
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Pydantic shows a duration that is a default as PT5S, which is no duration to send in."""
        reference = handler(core)
        properties = handler.resolve_ref_schema(reference).get("properties", {})
        for name, field in cls.model_fields.items():
            shown = properties.get(field.alias or name, {})
            if isinstance(field.default, timedelta) and "default" in shown:
                shown["default"] = format_duration(field.default)
        return reference
