"""Customers as the API takes and shows them."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, field_validator

from sendoff_domain.control import GLOBAL_SCOPE
from sendoff_domain.event_receivers import EVENTS_CUSTOMER
from sendoff_domain.signing_secret import parse_secret
from sendoff_domain.texts import CustomerId
from sendoff_domain.times import format_moment, format_optional
from sendoff_domain.webhook_headers import MASK, is_confidential
from sendoff_domain.webhook_url import WebhookUrl
from sendoff_http.web.documents import ShownMoment
from sendoff_webhooks.customer import CustomerFields, Document
from sendoff_webhooks.customer_rows import StoredCustomer

_LONGEST_TIMEOUT = timedelta(minutes=5)


def _checked_id(text: str) -> str:
    if text == GLOBAL_SCOPE:
        raise ValueError(f"expected another id than {GLOBAL_SCOPE}, which means the whole fleet")
    if text == EVENTS_CUSTOMER:
        raise ValueError(f"expected another id than {EVENTS_CUSTOMER}, which is that of events.webhook of config.yaml")
    return text


def _checked_secret(secret: SecretStr) -> SecretStr:
    parse_secret(secret.get_secret_value())
    return secret


def key_of(secret: SecretStr | None) -> bytes | None:
    """The key in a secret that was given, or None."""
    return None if secret is None else parse_secret(secret.get_secret_value())


NewCustomerId = Annotated[CustomerId, AfterValidator(_checked_id)]
#: A secret in a request: no error and no log shows it.
GivenSecret = Annotated[SecretStr, AfterValidator(_checked_secret), Field(examples=["whsec_..."])]


class CustomerInput(CustomerFields):
    """What may be said of a customer over the API: it needs a webhook, and its requests end in time."""

    webhook_url: WebhookUrl = Field(description="Where its messages are posted to.")

    @field_validator("timeout", "connect_timeout")
    @classmethod
    def _in_time(cls, value: timedelta) -> timedelta:
        if not timedelta(milliseconds=1) <= value <= _LONGEST_TIMEOUT:
            raise ValueError("expected a duration between 1ms and 5m")
        return value

    @field_validator("headers")
    @classmethod
    def _unmasked(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if value == MASK and is_confidential(name):
                raise ValueError(f"expected the value of {name}: {MASK} is only how it is shown")
        return headers


def _complete(schema: dict[str, Any]) -> None:
    """What is shown is shown whole: nothing has a default."""
    schema["required"] = list(schema["properties"])
    for known in schema["properties"].values():
        known.pop("default", None)


class Customer(CustomerFields):
    """A customer; its secret is shown once, when it is created or rotated, and never here."""

    model_config = ConfigDict(json_schema_extra=_complete)

    id: str
    name: str
    headers: dict[str, str] = Field(description=f"A value that looks like a credential by its name is shown as {MASK}.")
    paused: bool = Field(description="Whether its messages are held until somebody resumes it.")
    pause_reason: str | None
    paused_at: ShownMoment | None
    breaker_state: Literal["closed", "open"] = Field(
        description="While it is open messages are held but for one at a time that tries the webhook out."
    )
    breaker_opened_at: ShownMoment | None
    next_probe_at: ShownMoment | None
    version: int = Field(description="Rises with each change but pause and resume; also the ETag.")
    created_at: ShownMoment
    updated_at: ShownMoment


def describe_customer(stored: StoredCustomer) -> Document:
    """The document of a customer."""
    return {
        **stored.customer.document(),
        "paused": stored.paused,
        "pauseReason": stored.pause_reason,
        "pausedAt": format_optional(stored.paused_at),
        "breakerState": "closed" if stored.breaker_opened_at is None else "open",
        "breakerOpenedAt": format_optional(stored.breaker_opened_at),
        "nextProbeAt": format_optional(stored.next_probe_at),
        "version": stored.version,
        "createdAt": format_moment(stored.created_at),
        "updatedAt": format_moment(stored.updated_at),
    }
