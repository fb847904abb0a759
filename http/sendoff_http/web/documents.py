"""Documents of responses, each described and written by one model."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, PlainSerializer, WithJsonSchema

from sendoff_domain.times import format_moment
from sendoff_http.web.validation import ApiModel

#: A moment in a response, written in UTC with microseconds.
ShownMoment = Annotated[
    datetime, PlainSerializer(format_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]


class ResponseModel(ApiModel):
    """A document that is made from Python's values, or from an object with attributes of the same names.

    Where many documents are written per second (accepted messages, lists of messages) a function builds the dictionary
    instead, and the model only describes it.
    """

    model_config = ConfigDict(validate_by_name=True, from_attributes=True)

    def document(self) -> dict[str, Any]:
        """The document, ready for JSON: names in camelCase, moments as text."""
        return self.model_dump(mode="json", by_alias=True)
