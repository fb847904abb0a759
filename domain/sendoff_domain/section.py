"""What every section of config.yaml has in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel


class Section(BaseModel):
    """A part of config.yaml: camelCase keys, nothing unknown, nothing changed after reading."""

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
    def _yes_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """YAML reads `yes` and `on` as true, which Python takes for the number 1."""
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation not in (bool, Any):
            raise ValueError(f"expected a value that is not yes or no, got {value}")
        return value
