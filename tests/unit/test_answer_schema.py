"""JSON Schemas that customers give: what they mean, and what is refused so that none can hang or crash a worker."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # the package ships no types

from sendoff_domain.response_rule.answer_schema import answer_schema
from sendoff_domain.response_rule.schema_bounds import DEEPEST, LARGEST, LONGEST_PATTERN, MOST_PATTERNS
from support.effort import least_units

#: 20 ms is what a check may take, so two units; the rest is for the caches that other tests take away.
LONGEST_CHECK = 20


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth - 1):
        schema = {"not": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$ref": "#"}, r"expected no \$ref \(a schema that refers to others could recurse.*, found at /\$ref"),
        ({"items": {"$dynamicRef": "#a"}}, r"expected no \$dynamicRef .* at /items/\$dynamicRef"),
        ({"$recursiveRef": "#"}, r"expected no \$recursiveRef"),
        ({"$id": "https://example.com/a"}, r"expected no \$id"),
        ({"$anchor": "a"}, r"expected no \$anchor"),
        ({"$dynamicAnchor": "a"}, r"expected no \$dynamicAnchor"),
        ({"$defs": {"a": {}}}, r"expected no \$defs"),
        ({"$vocabulary": {}}, r"expected no \$vocabulary"),
        ({"unevaluatedItems": False}, "expected no unevaluatedItems .*doubles"),
        ({"anyOf": [{"unevaluatedProperties": False}]}, "at /anyOf/0/unevaluatedProperties"),
        (
            {"properties": {"a": {"requierd": ["b"]}}},
            'only keywords of .* "requierd", found at /properties/a/',
        ),
        ({"dependencies": {}}, "expected only keywords of JSON Schema 2020-12"),
        ({"definitions": {}}, "expected only keywords of JSON Schema 2020-12"),
        ({"x" * 9000: 1}, "expected only keywords"),
        (
            {"$schema": "http://json-schema.org/draft-07/schema#"},
            r"expected \$schema to be absent or https://json-schema",
        ),
        ({"$schema": 7}, r"expected \$schema to be absent"),
        ({"type": "strin"}, "expected a JSON Schema, but at /type"),
        ({"items": [{}]}, "expected a JSON Schema, but at /items"),
        ({"properties": {"a": 5}}, "expected a JSON Schema, but at /properties/a"),
        ({"minLength": -1}, "expected a JSON Schema, but at /minLength"),
        ({"title": "x" * LARGEST}, f"expected a schema of at most {LARGEST} bytes as JSON, not 16396"),
        (nested(DEEPEST + 1), "expected at most 16 levels"),
        ({"const": "a\0"}, "expected texts without null characters"),
        ({"properties": {"\ud800": {}}}, "expected texts without null characters and lone surrogates"),
        ({"maximum": float("inf")}, "expected numbers that are 0 or from"),
        ({"multipleOf": 1e-400 + 1e-5}, "expected numbers that are 0 or from"),
        ({"maximum": 10**400}, "expected integers of at most 64 bits"),
        ({"enum": [{1: 2}]}, "expected JSON, got a int"),
        ({"allOf": [{"pattern": str(n)} for n in range(MOST_PATTERNS + 1)]}, "at most 32 patterns"),
        ({"pattern": "a" * (LONGEST_PATTERN + 1)}, "expected a pattern of at most 256 characters at /pattern"),
        ({"pattern": "("}, "expected a pattern without look-around and back references"),
        ({"pattern": "(?=a)b"}, "expected a pattern without look-around and back references"),
        ({"patternProperties": {r"(a)\1": {}}}, "expected a pattern without .* at /patternProperties"),
        ({"pattern": "(a{1000}){1000}"}, "that is small when compiled at /pattern"),
        ({"pattern": r"\p{L}{1000}"}, "that is small when compiled"),
        ({"allOf": [{"pattern": f"a{{{n}}}"} for n in range(300, 320)]}, "fewer or smaller patterns"),
        ({"enum": list(range(200))}, "fewer or smaller patterns, multipleOf, uniqueItems, and numbers"),
        ({"allOf": [{"multipleOf": 0.01}] * 9}, "fewer or smaller patterns, multipleOf"),
    ],
)
def test_a_schema_out_of_bounds_is_refused(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as refusal:
        answer_schema(schema)
    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": "a", "title": "b", "examples": [1]},
        {"properties": {"$ref": {"type": "string"}, "pattern": {"const": "("}}, "required": ["$ref"]},
        {"const": {"$ref": "#", "unevaluatedItems": 1}},
        nested(DEEPEST),
        {"pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},
        {"pattern": r"^\w{1,64}$"},
        {"pattern": r"^[^\u0000-\u001f]+$"},
        {"pattern": r"^[^@\s]+@[^@\s]+\.[^@\s]+$"},
        {"multipleOf": 0.01},
        {"enum": list(range(35))},
        {"allOf": [{"pattern": f"^{n}$"} for n in range(MOST_PATTERNS)]},
        {"title": "x" * (LARGEST - 12)},
    ],
)
def test_a_schema_within_the_bounds_checks_answers_of_a_kilobyte(schema: dict[str, Any]) -> None:
    assert answer_schema(schema).longest_answer >= 1024


def test_a_format_is_not_asserted() -> None:
    assert answer_schema({"format": "date"}).violation(2, "no date") is None


def test_a_longer_answer_than_the_schema_allows_is_a_violation() -> None:
    schema = answer_schema({"multipleOf": 0.01})
    said = schema.violation(schema.longest_answer + 1, 1)
    assert said == f"the answer has {schema.longest_answer + 1} bytes, and this schema allows {schema.longest_answer}"


class Panic(BaseException):
    """What PyO3 makes of a panic in Rust is no Exception either."""


class Trap(dict[str, Any]):
    def values(self) -> Any:
        raise Panic("unreachable code")


def test_a_panic_is_a_violation() -> None:
    assert answer_schema({}).violation(2, Trap()) == "the answer can't be checked: unreachable code"


def test_a_schema_is_compiled_once() -> None:
    assert answer_schema({"type": "null", "title": "a"}) is answer_schema({"title": "a", "type": "null"})


SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 2.5, "", "a", "b"])
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
LEAVES: list[st.SearchStrategy[dict[str, Any]]] = [
    st.fixed_dictionaries({"type": TYPES}),
    st.fixed_dictionaries({"const": DOCUMENTS}),
    st.fixed_dictionaries({"enum": st.lists(DOCUMENTS, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"required": st.just(["a"])}),
    st.fixed_dictionaries({"pattern": st.sampled_from(["^a", "b$"])}),
    st.fixed_dictionaries({"minimum": st.integers(-2, 2)}),
    st.fixed_dictionaries({"multipleOf": st.sampled_from([2, 0.5])}),
    st.fixed_dictionaries({"maxItems": st.integers(0, 2), "uniqueItems": st.booleans()}),
    st.fixed_dictionaries({"minProperties": st.integers(0, 2), "title": st.text(max_size=3)}),
]


def combined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    several = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)
    optional: dict[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), several),
        **dict.fromkeys(("properties", "patternProperties", "dependentSchemas"), named),
        **dict.fromkeys(("not", "if", "then", "else", "items", "contains", "additionalProperties"), inner),
        "propertyNames": inner,
    }
    return st.fixed_dictionaries({}, optional=optional)


SCHEMAS = st.recursive(st.booleans() | st.one_of(LEAVES), combined, max_leaves=6).filter(
    lambda one: isinstance(one, dict)
)


@given(SCHEMAS, DOCUMENTS)
def test_a_schema_means_what_the_specification_says(schema: dict[str, Any], document: Any) -> None:
    try:
        bounded = answer_schema(schema)
    except ValueError:
        return  # too deep
    expected = Draft202012Validator(schema).is_valid(document)
    assert (bounded.violation(100, document) is None) is expected


def many(part: bytes, size: int = 65_000) -> bytes:
    return b"[" + b",".join([part] * (size // (len(part) + 1))) + b"]"


def largest(make: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    """The largest schema of a kind that is within the bounds."""
    repeats = 4096
    while repeats > 1:
        try:
            answer_schema(make(repeats))
        except ValueError:
            repeats //= 2
        else:
            break
    return make(repeats)


ANSWERS = [
    many(b"1"),
    many(b"5e1"),
    many(b"0.1"),
    many(b"1e-16"),
    many(b"1e-300"),
    many(b"1e300"),
    many(b"[]"),
    many(b"{}"),
    many(b'""'),
    many(b"18446744073709551615"),
    many(b"1" * 4000),
    b'"' + b"a" * 65_000 + b'"',
    b'"' + b"ab" * 32_500 + b'"',
    b"{" + b",".join(b'"%x":1' % n for n in range(7500)) + b"}",
    b"[" + b",".join(b"%d" % (2**64 + n) for n in range(3000)) + b"]",
    b"[" + b",".join(b"%d" % (2**63 + n) for n in range(3000)) + b"]",
    b"[" + b",".join(b"[%d]" % n for n in range(8000)) + b"]",
    b"[" * 500 + b"]" * 500,
]
KINDS: dict[str, Callable[[int], dict[str, Any]]] = {
    "every item, again and again": lambda n: {"allOf": [{"items": {"not": {"type": "null"}}}] * n},
    "branches that fail": lambda n: {"anyOf": [{"items": {"enum": ["q"]}}] * n},
    "branches that fit": lambda n: {"oneOf": [{"items": {}}] * n},
    "a few branches that fail": lambda n: {"anyOf": [{"items": {"enum": ["q"]}}] * min(n, 10)},
    "numbers": lambda n: {"items": {"not": {"enum": list(range(100, 100 + n))}}},
    "numbers and lists": lambda n: {"items": {"not": {"enum": [m if m % 2 else [m] for m in range(n)]}}},
    "texts": lambda n: {"items": {"not": {"enum": [None, *map(str, range(n))]}}},
    "divisions": lambda n: {"items": {"allOf": [{"multipleOf": 0.0001}] * n}},
    "fractions": lambda n: {"items": {"not": {"enum": [m + 0.5 for m in range(n)]}}},
    "bounds": lambda n: {"items": {"allOf": [{"maximum": 1e15 + 0.5}] * n}},
    "limits": lambda n: {"items": {"allOf": [{"minimum": 0, "minLength": 0, "maxProperties": 9}] * n}},
    "lengths": lambda n: {"allOf": [{"maxLength": 99999}] * n},
    "uniqueness": lambda n: {"uniqueItems": True},
    "uniqueness, again and again": lambda n: {"allOf": [{"uniqueItems": True}] * n},
    "what is contained": lambda n: {"allOf": [{"contains": {"minLength": 0}, "maxContains": 99999}] * n},
    "names": lambda n: {"allOf": [{"propertyNames": {"maxLength": 99}}] * n},
    "what depends": lambda n: {"items": {"dependentRequired": {str(m): [] for m in range(n)}}},
    "patterns of names": lambda n: {"patternProperties": {f"[0-9a-f]*{m}$": {} for m in range(min(n, 8))}},
    "a pattern that forks": lambda n: {"pattern": f"(a|b)*a(a|b){{{n}}}c"},
    "a pattern that repeats": lambda n: {"pattern": f"([ab]{{1,{n}}})*c"},
    "a pattern that may be empty": lambda n: {"pattern": f"(a?){{{n}}}a{{{n}}}c"},
    "many patterns": lambda n: {"allOf": [{"pattern": f"[ab]*a[ab]{{{m}}}c"} for m in range(min(n, 16))]},
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_answer_makes_a_check_long(kind: str) -> None:
    schema = answer_schema(largest(KINDS[kind]))
    for answer in ANSWERS:
        documents = [msgspec.json.decode(answer)]
        size = len(answer)
        while size > schema.longest_answer and isinstance(documents[-1], (list, str)) and len(documents[-1]) > 1:
            documents.append(documents[-1][: len(documents[-1]) // 2])
            size = len(msgspec.json.encode(documents[-1]))
        check = partial(schema.violation, size, documents[-1])
        assert least_units(check, enough=LONGEST_CHECK) < LONGEST_CHECK, answer[:40]
