"""What every policy has in common: a section of config.yaml, and what a customer or a message has of it."""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from sendoff_domain.durations import format_duration


class PolicyModel(BaseModel):
    """A policy: camelCase keys, nothing unknown, nothing changed after reading; YAML's types are taken as they come."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_default=True,
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_booleans(cls, value: Any, info: ValidationInfo) -> Any:
        """YAML reads `yes` and `on` as true, which Python takes for the number 1."""
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation not in (bool, Any):
            raise ValueError(f"expected a value that is not yes or no, got {value}")
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Pydantic shows a duration that is a default as PT5S, which nobody may send in."""
        reference = handler(core)
        properties = handler.resolve_ref_schema(reference).get("properties", {})
        for name, field in cls.model_fields.items():
            if isinstance(field.default, timedelta):
                properties[field.alias or name]["default"] = format_duration(field.default)
        return reference
