"""The OpenAPI document: valid, complete, and with examples that are really accepted."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, TypeAdapter, ValidationError

from sendoff_domain.texts import WORDS_OF_PATTERNS
from sendoff_domain.times import format_duration, parse_duration
from sendoff_domain.validation_errors import field_errors, field_types
from sendoff_http.app import OPERATIONS
from sendoff_http.web.openapi import describe_api
from sendoff_http.web.operation import Operation


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    # As JSON: what a client gets.
    described: dict[str, Any] = json.loads(json.dumps(describe_api(OPERATIONS)))
    return described


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()


def test_every_operation_has_an_id_of_its_own() -> None:
    names = [operation.name for operation in OPERATIONS]
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.split('"')[0] in document["components"]["schemas"]


def test_every_duration_has_a_default_that_is_accepted(document: dict[str, Any]) -> None:
    fields = [field for schema in document["components"]["schemas"].values() for field in properties(schema)]
    defaults = [field["default"] for field in fields if "90s" in field.get("examples", ()) and "default" in field]
    assert [format_duration(parse_duration(default)) for default in defaults] == defaults
    assert "30s" in defaults


def properties(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return list(schema.get("properties", {}).values())


@pytest.mark.parametrize(
    "operation",
    [one for one in OPERATIONS if one.body and "application/json" in one.body.models],
    ids=lambda one: one.name,
)
def test_every_example_is_accepted_by_its_model(operation: Operation) -> None:
    assert operation.body is not None
    assert operation.body.examples
    model = TypeAdapter(operation.body.models["application/json"])
    for example in operation.body.examples.values():
        model.validate_python(example)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.body], ids=lambda one: one.name)
def test_what_is_wrong_is_named_by_its_place_in_the_document_and_in_words(operation: Operation) -> None:
    assert operation.body is not None
    model = operation.body.models.get("application/json")
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return  # lines, or a list
    nonsense: list[object] = [[[]], {"?": {}}, "\x00"]
    for name in field_types(model):
        for wrong in nonsense:
            with pytest.raises(ValidationError) as caught:
                model.model_validate({name: wrong, "unknown": 1})
            for error in field_errors(model, caught.value):
                part, *rest = error.pointer.split("/")[1:]
                assert part != name or set(rest) <= {"0", "?"}, error
                assert "<" not in error.detail, error


def test_a_default_is_shown_in_the_form_in_which_it_may_be_sent(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["NewCustomer"]["properties"]["timeout"]["default"] == "15s"
    assert '"PT' not in json.dumps(document)


def test_a_customer_is_shown_whole_and_patched_in_parts(document: dict[str, Any]) -> None:
    customer, patch = (document["components"]["schemas"][name] for name in ("Customer", "CustomerPatch"))
    assert set(customer["required"]) == set(customer["properties"])
    assert "required" not in patch
    assert all({"type": "null"} in known["anyOf"] for known in patch["properties"].values())
    assert '"default"' not in json.dumps([customer["properties"], patch["properties"]])


ENDPOINTS = {
    "POST /v1/messages",
    "POST /v1/messages/batch",
    "GET /v1/messages",
    "GET /v1/messages/{id}",
    "PATCH /v1/messages/{id}",
    "DELETE /v1/messages/{id}",
    "GET /v1/messages/{id}/attempts",
    "GET /v1/messages/{id}/explain",
    "POST /v1/messages/{id}/resend",
    "GET /v1/retries",
    "GET /v1/dead-letters",
    "GET /v1/dead-letters/{id}",
    "DELETE /v1/dead-letters/{id}",
    "POST /v1/dead-letters/{id}/resend",
    "POST /v1/dead-letters/resend",
    "POST /v1/dead-letters/purge",
    "POST /v1/messages/cancel",
    "POST /v1/messages/reschedule",
    "POST /v1/messages/import",
    "POST /v1/messages/export",
    "GET /v1/jobs",
    "GET /v1/jobs/{id}",
    "POST /v1/jobs/{id}/pause",
    "POST /v1/jobs/{id}/resume",
    "POST /v1/jobs/{id}/cancel",
    "PUT /v1/jobs/{id}/pieces/{number}",
    "GET /v1/jobs/{id}/pieces/{number}",
    "GET /v1/jobs/{id}/rejections",
    "GET /v1/customers",
    "POST /v1/customers",
    "GET /v1/customers/{id}",
    "PATCH /v1/customers/{id}",
    "DELETE /v1/customers/{id}",
    "POST /v1/customers/{id}/pause",
    "POST /v1/customers/{id}/resume",
    "POST /v1/customers/{id}/rotate-secret",
    "GET /v1/customers/{id}/stats",
    "POST /v1/customers/{id}/test",
    "POST /v1/scheduler/start",
    "POST /v1/scheduler/stop",
    "GET /v1/scheduler",
    "GET /v1/keys",
    "POST /v1/keys",
    "GET /v1/keys/{id}",
    "DELETE /v1/keys/{id}",
    "GET /v1/audit",
    "GET /v1/stats",
    "GET /health/live",
    "GET /health/ready",
    "GET /metrics",
    "GET /openapi.json",
    "GET /asyncapi.json",
}


def test_the_endpoints_of_the_contract_are_all_there(document: dict[str, Any]) -> None:
    found = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert found == ENDPOINTS


def test_a_text_of_another_form_is_told_in_words_what_was_expected(document: dict[str, Any]) -> None:
    patterns = set(_values_of("pattern", document))
    assert patterns
    assert patterns == set(WORDS_OF_PATTERNS)


def _values_of(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get(name), str):
            yield value[name]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _values_of(name, each)
