"""What a request says about many messages at once: it never means all of them unless it says so."""

from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    GetPydanticSchema,
    StrictBool,
    ValidationInfo,
    field_validator,
)
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError

from sendoff_domain.jobs import LARGEST_RATE
from sendoff_domain.texts import CustomerId, Recipient, Reference
from sendoff_domain.times import Moment
from sendoff_http.web.validation import ApiModel

Value = TypeVar("Value")


def _refuse_null(value: object) -> object:
    if value is None:  # a variable that its program forgot to fill must not widen the selection
        raise PydanticCustomError("null_filter", "expected a value; leave the filter out to act on any")
    return value


def _drop_default(schema: JsonDict) -> None:
    del schema["default"]


def absent(description: str, **bounds: Any) -> Any:
    """A field that may be absent and is never null: its schema has no default."""
    return Field(default=None, description=description, json_schema_extra=_drop_default, **bounds)


def _without_null(optional: Any, schema_of: GetJsonSchemaHandler) -> JsonSchemaValue:
    return schema_of(optional["schema"])


#: What a filter must be equal to; absent means any, null is refused. It is no union, each branch of which would say
#: what is wrong, and where in pydantic's words instead of the document's.
Filter = Annotated[
    Value | None, GetPydanticSchema(get_pydantic_json_schema=_without_null), BeforeValidator(_refuse_null)
]


class Filters(ApiModel):
    """Filters that every selection has; all that are given must fit."""

    customer: Filter[CustomerId] = absent("Of this customer.")
    to: Filter[Recipient] = absent("To exactly this recipient.")
    reference: Filter[Reference] = absent("With exactly this reference.")
    created_after: Filter[Moment] = absent("Created then or later.")
    created_before: Filter[Moment] = absent("Created before.")


class BulkOrder(ApiModel):
    """How to go about it; a subclass has the filters besides, before these fields."""

    filters: ClassVar[tuple[str, ...]]

    all: StrictBool = Field(
        default=False,
        validate_default=True,
        description="true: everything, of every customer. Needed without a filter, refused beside one.",
    )
    dry_run: StrictBool = Field(default=False, description="Only count.")
    hold: StrictBool = Field(default=False, description="Only count and keep the job; it begins when it is resumed.")
    rate: Filter[int] = absent("Messages per second at most.", ge=1, le=LARGEST_RATE)

    @field_validator("all")
    @classmethod
    def _either_all_or_filters(cls, everything: bool, info: ValidationInfo) -> bool:
        if not all(name in info.data for name in cls.filters):
            return everything  # a filter is wrong, and is named already
        filtered = any(info.data[name] is not None for name in cls.filters)
        if everything and filtered:
            raise PydanticCustomError("all_filtered", "expected either all or filters, not both")
        if not everything and not filtered:
            raise PydanticCustomError("all_needed", "expected a filter, or true to act on everything")
        return everything

    def selected(self) -> dict[str, Any]:
        """The filters as they were given; what was absent is left out."""
        chosen = {*self.filters, "all"}
        return self.model_dump(mode="json", by_alias=True, include=chosen, exclude_defaults=True)
