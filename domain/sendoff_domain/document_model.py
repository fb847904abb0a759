"""What every JSON document that comes in or goes out has in common."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class DocumentModel(BaseModel):
    """A document: camelCase names, nothing unknown, nothing changed after reading, no input in its errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=False, hide_input_in_errors=True
    )
