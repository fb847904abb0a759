"""What a webhook has to answer for its message to count as delivered."""

import re
from functools import cached_property, lru_cache
from typing import Annotated, Any, Self

import msgspec
from pydantic import AfterValidator, Field, field_validator, model_validator

from sendoff_domain.document_model import PolicyModel
from sendoff_domain.json_pointer import MISSING, find, parse_pointer
from sendoff_domain.response_rule.answer_schema import AnswerSchema, answer_schema
from sendoff_domain.response_rule.json_value import check_storable, same_json, shown_json

_STATUS_PATTERN = re.compile(r"[1-5]([0-9][0-9]|xx)")
_GONE = 410
_USUAL_EXTERNAL_ID = "/messageId"
_LARGEST_EQUALS, _DEEPEST_EQUALS = 4096, 16


def _checked_status_pattern(text: str) -> str:
    if not _STATUS_PATTERN.fullmatch(text):
        raise ValueError("expected a code such as 204 or a class such as 2xx")
    return text


def _checked_pointer(text: str) -> str:
    parse_pointer(text)
    return text


StatusPattern = Annotated[str, AfterValidator(_checked_status_pattern)]
Pointer = Annotated[str, AfterValidator(_checked_pointer)]


class ResponseRule(PolicyModel):
    """Which answers count: by default any 2xx, whatever its body.

    `statuses` and `final_statuses` are codes (`404`) or classes (`2xx`). `body_schema` is a JSON Schema for the body;
    or `pointer` (RFC 6901) names a place in it that must equal `equals`, which may be null. `external_id` is the
    pointer to the id that is kept as externalMessageId. An answer of `final_statuses` ends the retries at once.
    Redirects and 410 are failures whatever the rule says.
    """

    statuses: tuple[StatusPattern, ...] = Field(default=("2xx",), min_length=1, max_length=100)
    body_schema: dict[str, Any] | None = None
    pointer: Pointer | None = None
    equals: Any = None
    external_id: Pointer = _USUAL_EXTERNAL_ID
    final_statuses: tuple[StatusPattern, ...] = Field(default=(), max_length=100)

    @field_validator("statuses")
    @classmethod
    def _can_be_accepted(cls, statuses: tuple[str, ...]) -> tuple[str, ...]:
        if any(status[0] in "13" or status == str(_GONE) for status in statuses):
            raise ValueError("expected neither 1xx nor 3xx, which are no answer and never followed, nor 410")
        return statuses

    @field_validator("body_schema")
    @classmethod
    def _schema_in_bounds(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is not None:
            answer_schema(schema)
        return schema

    @field_validator("equals")
    @classmethod
    def _equals_in_bounds(cls, value: Any) -> Any:
        check_storable(value, _DEEPEST_EQUALS)
        if len(msgspec.json.encode(value)) > _LARGEST_EQUALS:
            raise ValueError(f"expected at most {_LARGEST_EQUALS} bytes as JSON")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.pointer is not None and self.body_schema is not None:
            raise ValueError("expected either pointer and equals or bodySchema, not both")
        if self.pointer is None and self.equals is not None:
            raise ValueError("expected pointer with equals: the place that must hold it")
        if self.pointer is not None and "equals" not in self.model_fields_set:
            raise ValueError("expected equals with pointer: what the place must hold, which may be null")
        if both := self.accepted_codes & self.final_codes:
            raise ValueError(f"expected no status in both statuses and finalStatuses, but {min(both)} is")
        return self

    @cached_property
    def is_usual(self) -> bool:
        """Whether any 2xx counts and the id is at its usual place, as for most customers."""
        usual = self.statuses == ("2xx",) and self.external_id == _USUAL_EXTERNAL_ID
        return usual and not self.reads_body

    @cached_property
    def accepted_codes(self) -> frozenset[int]:
        """The statuses that count as delivered, if the body does."""
        return _codes(self.statuses) - {_GONE}

    @cached_property
    def final_codes(self) -> frozenset[int]:
        """The statuses after which no attempt follows."""
        return _codes(self.final_statuses)

    @cached_property
    def reads_body(self) -> bool:
        """Whether the rule asks something of the body."""
        return self.pointer is not None or self.body_schema is not None

    @cached_property
    def _schema(self) -> AnswerSchema | None:
        return None if self.body_schema is None else answer_schema(self.body_schema)

    def status_violation(self, status_code: int) -> str:
        """How a status violates the rule."""
        return f"response rule statuses: {status_code} is not one of {', '.join(self.statuses)}"

    def body_violation(self, body: bytes, *, is_cut: bool) -> str | None:
        """How a body violates the rule, or None; never raises. A body that `is_cut` can't satisfy any."""
        rule = "pointer" if self._schema is None else "bodySchema"
        if is_cut:
            return f"response rule {rule}: the answer is too long to be read whole"
        try:
            document = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))  # a byte order mark (RFC 8259, 8.1)
        except (ValueError, RecursionError) as error:  # msgspec's errors and UnicodeDecodeError are ValueErrors
            return f"response rule {rule}: the answer is not JSON: {error}"
        if self._schema is None:
            return self._pointer_violation(document)
        violation = self._schema.violation(len(body), document)
        return None if violation is None else f"response rule bodySchema: {violation}"

    def _pointer_violation(self, document: Any) -> str | None:
        found = find(document, parse_pointer(self.pointer or ""))
        if found is not MISSING and same_json(found, self.equals):
            return None
        got = "nothing" if found is MISSING else shown_json(found)
        return f"response rule: expected {self.pointer or 'the answer'} to equal {shown_json(self.equals)}, got {got}"


@lru_cache(maxsize=1024)
def _codes(statuses: tuple[str, ...]) -> frozenset[int]:
    codes: set[int] = set()
    for status in statuses:
        first = int(status.replace("x", "0"))
        codes.update(range(first, first + 100) if status.endswith("xx") else (first,))
    return frozenset(codes)
