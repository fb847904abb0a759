"""A customer's JSON Schema, compiled, and what an answer does to violate it."""

from functools import lru_cache
from typing import Any

import jsonschema_rs
import msgspec

from sendoff_domain.json_pointer import format_pointer
from sendoff_domain.response_rule.json_value import check_storable, levels, shown_json
from sendoff_domain.response_rule.schema_bounds import DEEPEST, PATTERN_OPTIONS, BoundedSchema, bounded_schema

#: The most that one check may cost, in bytes of the schema times bytes of the answer: some 20 ms.
_WORK = 1 << 25
#: Deeper answers are not checked, since the validator recurses with them.
_DEEPEST_ANSWER = 64
#: Nor are those with other numbers but 0: the validator compares all of their digits, of which 1e-300 has 300.
_SMALLEST_NUMBER, _LARGEST_NUMBER = 1e-16, 2.0**64
#: Stands in the validator's sentences for what it looked at; no schema holds it.
_MASK = "\0"
_LONGEST_SENTENCE = 300


class AnswerSchema:
    """Checks answers, none for longer than some 20 ms and none so that it raises."""

    def __init__(self, bounded: BoundedSchema) -> None:
        self._validator = jsonschema_rs.Draft202012Validator(
            bounded.document, offline=True, validate_formats=False, pattern_options=PATTERN_OPTIONS, mask=_MASK
        )
        #: The longest answer that may be checked (bytes).
        self.longest_answer = _WORK // bounded.cost

    def violation(self, size: int, document: Any) -> str | None:
        """Where and how an answer of `size` bytes violates the schema, or None."""
        if size > self.longest_answer:
            return f"the answer has {size} bytes, and this schema allows {self.longest_answer}"
        try:
            _check(document)
            self._validator.validate(document)
        except jsonschema_rs.ValidationError as error:
            return _sentence(error)[:_LONGEST_SENTENCE]
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  a panic in Rust is no Exception
            return f"the answer can't be checked: {error}"[:_LONGEST_SENTENCE]
        return None


def answer_schema(schema: dict[str, Any]) -> AnswerSchema:
    """The schema, compiled once; raises ValueError that says what was expected, and where."""
    check_storable(schema, DEEPEST)
    return _compiled(msgspec.json.encode(schema, order="sorted"))


@lru_cache(maxsize=512)
def _compiled(text: bytes) -> AnswerSchema:
    return AnswerSchema(bounded_schema(msgspec.json.decode(text)))


def _check(document: Any) -> None:
    for level in levels(document, _DEEPEST_ANSWER):
        for value in level:
            if isinstance(value, (int, float)) and value and not _SMALLEST_NUMBER <= abs(value) < _LARGEST_NUMBER:
                raise ValueError(f"expected numbers that are 0 or from 1e-16 to 2^64, got {shown_json(value)}")


def _sentence(error: jsonschema_rs.ValidationError) -> str:
    place = format_pointer(error.instance_path) or "at the top"
    text = error.message
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Not):
        branches = _branches(error.kind.schema)
        text = f"{_MASK} does not fit {branches}" if branches else f"{_MASK} fits what not excludes"
    return f"{place}: {text.replace(_MASK, shown_json(error.instance), 1)}".replace(_MASK, "")


def _branches(schema: Any) -> str | None:
    """The keyword that was said as `not: {not: ...}`; see schema_bounds."""
    inner = schema.get("not") if isinstance(schema, dict) and len(schema) == 1 else None
    return next((name for name in ("anyOf", "oneOf") if isinstance(inner, dict) and list(inner) == [name]), None)
