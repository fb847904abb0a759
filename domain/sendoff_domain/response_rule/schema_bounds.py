"""What a customer's JSON Schema may hold, so that no answer makes its check long or deep.

The validator runs on the Sender's event loop, where 20 ms are long. What was measured, and what is done about it:

- `$ref` and its kin can recurse for ever, `unevaluated...` doubles the work with each level: both are refused.
- A failing `anyOf` or `oneOf` collects all mistakes of all branches (5 s for a schema of 321 bytes). Said as
  `not: {not: {anyOf: ...}}` it means the same and collects none.
- All else is at most proportional to the size of the schema times that of the answer, if patterns, `multipleOf`,
  `uniqueItems` (large integers have the same hash) and numbers to compare with count for more than their text: `cost`
  has it all, in bytes. `answer_schema` refuses an answer that is too long for its schema's cost, too deep, or with
  numbers of many digits.
"""

from collections.abc import Iterable
from typing import Any

import jsonschema_rs
import msgspec

from sendoff_domain.json_pointer import format_pointer
from sendoff_domain.response_rule.json_value import levels, shown_json

#: The bounds that a person is told (bytes, levels, patterns, characters).
LARGEST, DEEPEST, MOST_PATTERNS, LONGEST_PATTERN = 16 * 1024, 16, 32, 256
#: The most that a schema may cost.
MOST_COST = 32 * 1024
#: What these cost: a number to compare with, `multipleOf`, `uniqueItems`.
_NUMBER, _DIVISION, _UNIQUENESS = 800, 4000, 8000
#: The sizes that a compiled pattern may have (bytes): matching takes as long as that much schema.
_PATTERN_SIZES = (1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15)
_PATTERN_MEMORY = 1 << 16
PATTERN_OPTIONS = jsonschema_rs.RegexOptions(size_limit=_PATTERN_SIZES[-1], dfa_size_limit=_PATTERN_MEMORY)

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCHEMA = ("additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then")
_SCHEMAS = ("allOf", "prefixItems")
_BRANCHES = ("anyOf", "oneOf")
_NAMED_SCHEMAS = ("dependentSchemas", "patternProperties", "properties")
_COMPARED = ("const", "enum", "exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum")
_CHEAP = (
    *("dependentRequired", "maxContains", "maxItems", "maxLength", "maxProperties", "minContains", "minItems"),
    *("minLength", "minProperties", "required", "type"),
)
_NOTES = (
    *("$comment", "$schema", "contentEncoding", "contentMediaType", "contentSchema", "default", "deprecated"),
    *("description", "examples", "format", "readOnly", "title", "writeOnly"),
)

Path = tuple[str | int, ...]


class BoundedSchema(msgspec.Struct, frozen=True):
    """A schema within the bounds: the document to compile, and what checking an answer with it costs per byte."""

    document: dict[str, Any]
    cost: int


def bounded_schema(schema: dict[str, Any]) -> BoundedSchema:
    """The schema as it can be compiled safely; raises ValueError that says what was expected, and where."""
    size = len(msgspec.json.encode(schema))
    if size > LARGEST:
        raise ValueError(f"expected a schema of at most {LARGEST} bytes as JSON, not {size}")
    if schema.get("$schema", _DIALECT) not in (_DIALECT, f"{_DIALECT}#"):
        raise ValueError(f"expected $schema to be absent or {_DIALECT}")
    try:
        jsonschema_rs.meta.validate(schema)
    except jsonschema_rs.ValidationError as error:
        raise ValueError(f"expected a JSON Schema, but {_at(error.instance_path)} {error.message[:200]}") from None
    walk = _Walk(size)
    document = walk.schema(schema, ())
    return BoundedSchema(document, walk.cost)


class _Walk:
    """Copies a schema that fits its meta-schema, and adds up what it costs."""

    def __init__(self, size: int) -> None:
        self.cost = size
        self._patterns = 0

    def schema(self, schema: Any, path: Path) -> Any:
        """The copy: without notes, and with `anyOf` and `oneOf` said in another way."""
        if isinstance(schema, bool):
            return schema
        copy: dict[str, Any] = {}
        branches = []
        for keyword, value in schema.items():
            place = (*path, keyword)
            if keyword in _BRANCHES:
                branches.append({"not": {"not": {keyword: self._schemas(value, place)}}})
            elif keyword not in _NOTES:
                copy[keyword] = self._value(keyword, value, place)
        if branches:
            copy["allOf"] = [*copy.get("allOf", ()), *branches]
        return copy

    def _value(self, keyword: str, value: Any, path: Path) -> Any:
        if keyword in _SCHEMA:
            return self.schema(value, path)
        if keyword in _SCHEMAS:
            return self._schemas(value, path)
        if keyword in _NAMED_SCHEMAS:
            return self._named_schemas(keyword, value, path)
        if keyword in _COMPARED:
            self._add(_NUMBER * sum(isinstance(one, int | float) for level in levels(value, DEEPEST) for one in level))
        elif keyword == "pattern":
            self._add_pattern(value, path)
        elif keyword == "multipleOf":
            self._add(_DIVISION)
        elif keyword == "uniqueItems":
            self._add(_UNIQUENESS)
        elif keyword not in _CHEAP:
            raise ValueError(f"{_objection(keyword)}, found {_at(path)}")
        return value

    def _schemas(self, schemas: list[Any], path: Path) -> list[Any]:
        return [self.schema(one, (*path, index)) for index, one in enumerate(schemas)]

    def _named_schemas(self, keyword: str, schemas: dict[str, Any], path: Path) -> dict[str, Any]:
        if keyword == "patternProperties":
            for pattern in schemas:
                self._add_pattern(pattern, (*path, pattern))
        return {name: self.schema(one, (*path, name)) for name, one in schemas.items()}

    def _add_pattern(self, pattern: str, path: Path) -> None:
        self._patterns += 1
        if self._patterns > MOST_PATTERNS:
            raise ValueError(f"expected a schema with at most {MOST_PATTERNS} patterns")
        if len(pattern) > LONGEST_PATTERN:
            raise ValueError(f"expected a pattern of at most {LONGEST_PATTERN} characters {_at(path)}")
        size = next((size for size in _PATTERN_SIZES if _compiles(pattern, size)), None)
        if size is None:
            raise ValueError(
                f"expected a pattern without look-around and back references that is small when compiled {_at(path)}"
            )
        self._add(size)

    def _add(self, cost: int) -> None:
        self.cost += cost
        if self.cost > MOST_COST:
            raise ValueError("expected fewer or smaller patterns, multipleOf, uniqueItems, and numbers to compare with")


def _compiles(pattern: str, size: int) -> bool:
    options = jsonschema_rs.RegexOptions(size_limit=size, dfa_size_limit=_PATTERN_MEMORY)
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options, offline=True)
    except jsonschema_rs.ValidationError:
        return False
    return True


def _objection(keyword: str) -> str:
    if keyword.startswith("$"):
        return f"expected no {keyword} (a schema that refers to others could recurse until the stack overflows)"
    if keyword.startswith("unevaluated"):
        return f"expected no {keyword} (its work doubles with each level)"
    return f"expected only keywords of JSON Schema 2020-12, not {shown_json(keyword)}"


def _at(path: Iterable[str | int]) -> str:
    return f"at {format_pointer(path)[:200] or 'the top'}"
