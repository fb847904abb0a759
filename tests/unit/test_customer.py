"""One customer in all its forms: fields, columns, document."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from sendoff_db.sql import read_statement
from sendoff_domain.webhook_headers import MASK
from sendoff_webhooks.customer import Customer, CustomerFields, columns_of, customer_of, given_document

WHOLE: dict[str, Any] = {
    "name": "Acme Ltd",
    "description": "Parcels of the north.\nAsk for Ada.",
    "webhookUrl": "https://example.org/hook",
    "headers": {"X-Team": "parcels", "Authorization": "Bearer tell-nobody"},
    "timeout": "1m30s",
    "connectTimeout": "250ms",
    "retry": {"waits": ["1s", "2m"], "jitter": 0.5},
    "responseRule": {"statuses": ["200"], "pointer": "/ok", "equals": None},
    "limits": {"rate": 50, "per": "1m", "concurrency": 7, "backlog": 9},
    "breaker": {"enabled": False},
    "eventsOf": "other",
}


def test_a_customer_is_read_as_it_was_stored() -> None:
    fields = CustomerFields.model_validate(WHOLE)
    columns = columns_of("acme", fields)
    assert customer_of(columns).model_dump() == {"id": "acme", **fields.model_dump()}
    assert given_document(columns) == WHOLE


def test_nothing_of_a_field_is_left_out() -> None:
    assert set(WHOLE) == {field.alias for field in CustomerFields.model_fields.values()}


def test_without_a_name_a_customer_is_called_by_its_id() -> None:
    assert columns_of("acme", CustomerFields())["name"] == "acme"


def test_a_section_is_stored_as_it_was_given_and_shown_with_its_defaults() -> None:
    columns = columns_of("acme", CustomerFields.model_validate({"retry": {"attempts": 3}}))
    assert (columns["retry"], columns["breaker"]) == ({"attempts": 3}, {})
    shown = customer_of(columns).document()
    assert shown["retry"] == {"attempts": 3, "first": "5s", "factor": 3.0, "max": "6h", "jitter": 0.1}
    assert shown["breaker"]["minimum"] == 10


def test_a_document_shows_neither_keys_nor_credentials() -> None:
    customer = customer_of(columns_of("acme", CustomerFields.model_validate(WHOLE)))
    shown = customer.model_copy(update={"keys": (b"tell-nobody",), "breaker_open": True}).document()
    assert shown["headers"] == {"X-Team": "parcels", "Authorization": MASK}
    assert set(shown) == {"id", *WHOLE}
    assert "nobody" not in repr(shown)


def test_keys_are_not_in_what_is_logged_of_a_customer() -> None:
    assert "nobody" not in repr(Customer(id="acme", keys=(b"tell-nobody",)))


def test_what_another_version_has_written_is_refused() -> None:
    columns = columns_of("acme", CustomerFields()) | {"retry": {"curve": "steep"}}
    with pytest.raises(ValidationError):
        customer_of(columns)


def test_an_update_writes_every_column() -> None:
    statement = read_statement("sendoff_webhooks", "update_customer").decode()
    for column in columns_of("acme", CustomerFields()).keys() - {"id"}:
        assert re.search(rf"\b(?<!\.){column}\b", statement), column
        assert f"given.{column}" in statement
