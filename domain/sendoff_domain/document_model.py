"""What every JSON document that comes in or goes out has in common, and every policy that YAML may hold, too."""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from sendoff_domain.times import format_duration


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


class PolicyModel(DocumentModel):
    """A document that may also come from YAML, whose types are not those of JSON."""

    model_config = ConfigDict(validate_by_name=True, validate_default=True, coerce_numbers_to_str=True)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_booleans(cls, value: Any, info: ValidationInfo) -> Any:
        """YAML reads `yes` and `on` as true, which Python takes for the number 1."""
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation not in (bool, Any):
            raise ValueError(f"expected a value that is not yes or no, got {value}")
        return value
