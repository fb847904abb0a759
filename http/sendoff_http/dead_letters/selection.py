"""Which dead letters a bulk operation acts on: it never takes all of them unless the request says so."""

from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, StrictBool, ValidationInfo, field_validator
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from sendoff_domain.message import DeathReason
from sendoff_domain.texts import CustomerId, Recipient, Reference
from sendoff_domain.times import Moment
from sendoff_http.web.pagination import id_bounds
from sendoff_http.web.validation import ApiModel

Value = TypeVar("Value")


def _refuse_null(value: object) -> object:
    if value is None:  # a variable that its program forgot to fill must not widen the selection
        raise PydanticCustomError("null_filter", "expected a value; leave the filter out to act on any")
    return value


def _drop_default(schema: JsonDict) -> None:
    del schema["default"]


def _filter(description: str) -> Any:
    """A field that may be absent and is never null: its schema has no default."""
    return Field(default=None, description=description, json_schema_extra=_drop_default)


#: What a filter must be equal to; absent means any, null is refused.
Filter = Annotated[Value | SkipJsonSchema[None], BeforeValidator(_refuse_null)]
_FILTERS = ("customer", "to", "reference", "reason", "created_after", "created_before")


class Selection(ApiModel):
    """Which dead letters to act on: those that fit all filters (at least one), or `all` of them."""

    customer: Filter[CustomerId] = _filter("Of this customer.")
    to: Filter[Recipient] = _filter("To exactly this recipient.")
    reference: Filter[Reference] = _filter("With exactly this reference.")
    reason: Filter[DeathReason] = _filter("Dead for this reason.")
    created_after: Filter[Moment] = _filter("Created then or later.")
    created_before: Filter[Moment] = _filter("Created before.")
    all: StrictBool = Field(
        default=False,
        validate_default=True,
        description="true: every dead letter of every customer. Needed without a filter, refused beside one.",
    )
    dry_run: StrictBool = Field(default=False, description="Only count.")

    @field_validator("all")
    @classmethod
    def _either_all_or_filters(cls, everything: bool, info: ValidationInfo) -> bool:
        if not all(name in info.data for name in _FILTERS):
            return everything  # a filter is wrong, and is named already
        filtered = any(info.data[name] is not None for name in _FILTERS)
        if everything and filtered:
            raise PydanticCustomError("all_filtered", "expected either all or filters, not both")
        if not everything and not filtered:
            raise PydanticCustomError("all_needed", "expected a filter, or true to act on every dead letter")
        return everything

    def values(self) -> dict[str, Any]:
        """The statement's parameters."""
        low, high = id_bounds(self.created_after, self.created_before)
        return {
            "low": low,
            "high": high,
            "customer": self.customer,
            "recipient": self.to,
            "reference": self.reference,
            "reason": self.reason,
        }
