"""Pydantic's errors in one sentence each, in the words of the kind of document."""

from typing import Any

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from sendoff_domain.document_model import DocumentModel
from sendoff_domain.texts import CustomerId, Recipient
from sendoff_domain.validation_errors import (
    FieldError,
    Vocabulary,
    explain_error,
    field_errors,
    model_at,
    summarize,
)


class Wheel(DocumentModel):
    tyre_width: int = Field(default=20, ge=18)


class Spokes(Wheel):
    count: int


class Bicycle(DocumentModel):
    name: str
    front: Wheel | None = None
    wheels: list[Spokes] = Field(default_factory=list)


class Nothing(DocumentModel):
    pass


def errors(model: type[BaseModel], document: object) -> list[FieldError]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(document)
    return field_errors(model, caught.value)


MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({}, "/name", "is required"),
    ({"name": 1}, "/name", "expected a valid string"),
    ({"name": "a", "front": {"tyreWidth": 1}}, "/front/tyreWidth", "expected greater than or equal to 18"),
    ({"name": "a", "front": {"tireWidth": 20}}, "/front/tireWidth", "is not known; did you mean tyreWidth?"),
    ({"name": "a", "wheels": [{"count": 1, "x": 2}]}, "/wheels/0/x", "is not known; known are tyreWidth, count"),
    ({"name": "a", "front": []}, "/front", "expected a JSON object"),
    ({"name": "a", "a/b~c": 1}, "/a~1b~0c", "is not known; known are name, front, wheels"),
    ({"name": "a", "tyre_width": 20}, "/tyre_width", "is not known; known are name, front, wheels"),
]


@pytest.mark.parametrize(("document", "pointer", "detail"), MISTAKES, ids=lambda one: str(one)[:50])
def test_a_mistake_has_its_place_and_says_what_was_expected(document: object, pointer: str, detail: str) -> None:
    assert errors(Bicycle, document) == [FieldError(pointer, detail)]


def test_a_model_without_fields_knows_none() -> None:
    assert errors(Nothing, {"a": 1}) == [FieldError("/a", "is not known; none is known here")]


def test_a_kind_of_document_has_its_own_words() -> None:
    words = Vocabulary("unknown key", "expected one of", {"greater_than_equal": "expected {ge} or more"})
    with pytest.raises(ValidationError) as caught:
        Wheel.model_validate({"tyreWidth": 1, "x": 2})
    sentences = [explain_error(Wheel, error, words) for error in caught.value.errors()]
    assert sentences == ["expected 18 or more", "unknown key; expected one of tyreWidth"]


def test_a_model_is_found_through_lists_and_what_may_be_absent() -> None:
    assert model_at(Bicycle, ["front"]) is Wheel
    assert model_at(Bicycle, ["wheels", 0, "count"]) is Spokes
    assert model_at(Bicycle, ["name", "first"]) is Bicycle


def test_the_summary_is_the_first_mistake_and_how_many_more() -> None:
    first, second = FieldError("/a", "is required"), FieldError("", "expected a list")
    assert summarize([first]) == "/a: is required"
    assert summarize([second, first, first]) == "the body: expected a list (and 2 more)"


def test_a_field_error_is_shown_without_a_code_that_it_has_not() -> None:
    assert FieldError("/a", "is required").document() == {"pointer": "/a", "detail": "is required"}
    known = FieldError("/customer", "there is none", "unknown_customer")
    assert known.document() == {"pointer": "/customer", "detail": "there is none", "code": "unknown_customer"}


def test_its_own_document_is_a_valid_field_error_and_nothing_more_is() -> None:
    adapter = TypeAdapter(FieldError)
    shown = FieldError("/a", "is required", "a_code")
    assert adapter.validate_python(shown.document()) == shown
    with pytest.raises(ValidationError):
        adapter.validate_python({**shown.document(), "more": 1})


class Ticket(DocumentModel):
    customer: CustomerId = "default"
    to: Recipient = "jane"
    seats: list[int] = Field(default_factory=list, max_length=2)


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        ({"customer": "a b"}, "expected 1 to 64 letters, digits, - and _"),
        ({"to": "jane\0"}, "expected a text without the null character"),
        ({"to": ""}, "expected at least 1 character"),
        ({"seats": [1, 2, 3]}, "expected at most 2 items, not 3"),
    ],
)
def test_a_form_or_a_length_is_told_in_words(document: dict[str, Any], detail: str) -> None:
    (error,) = errors(Ticket, document)
    assert error.detail == detail
