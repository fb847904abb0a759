"""What every policy has in common: a section of config.yaml, and what a customer or a message has of it."""

from typing import Any

from pydantic import ConfigDict, ValidationInfo, field_validator

from sendoff_domain.document_model import DocumentModel


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
