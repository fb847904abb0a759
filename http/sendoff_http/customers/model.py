"""Customers as the API takes and shows them."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from sendoff_domain.backoff import RetryStrategy
from sendoff_domain.breaker import BreakerPolicy
from sendoff_domain.control import GLOBAL_SCOPE
from sendoff_domain.durations import PositiveDuration
from sendoff_domain.limits import Limits
from sendoff_domain.response_rule.rule import ResponseRule
from sendoff_domain.signature import parse_secret
from sendoff_domain.texts import CustomerId
from sendoff_domain.webhook_headers import MASK, Headers, is_confidential
from sendoff_domain.webhook_url import checked_webhook_url
from sendoff_http.web.documents import ShownMoment
from sendoff_http.web.validation import ApiModel

_LONGEST_TIMEOUT = timedelta(minutes=5)


def _checked_id(text: str) -> str:
    if text == GLOBAL_SCOPE:
        raise ValueError(f"expected another id than {GLOBAL_SCOPE}, which means the whole fleet")
    return text


def _checked_timeout(value: timedelta) -> timedelta:
    if not timedelta(milliseconds=1) <= value <= _LONGEST_TIMEOUT:
        raise ValueError("expected a duration between 1ms and 5m")
    return value


def _unmasked(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if value == MASK and is_confidential(name):
            raise ValueError(f"expected the value of {name}: {MASK} is only how it is shown")
    return headers


def _checked_secret(secret: SecretStr) -> SecretStr:
    parse_secret(secret.get_secret_value())
    return secret


def key_of(secret: SecretStr | None) -> bytes | None:
    """The key in a secret that was given, or None."""
    return None if secret is None else parse_secret(secret.get_secret_value())


NewCustomerId = Annotated[CustomerId, AfterValidator(_checked_id)]
Timeout = Annotated[PositiveDuration, AfterValidator(_checked_timeout)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
WebhookUrl = Annotated[
    str, AfterValidator(checked_webhook_url), Field(examples=["https://example.org/hook"], max_length=2048)
]
#: A secret in a request: no error and no log shows it.
GivenSecret = Annotated[SecretStr, AfterValidator(_checked_secret), Field(examples=["whsec_..."])]


class CustomerFields(ApiModel):
    """What can be said of a customer; what is left out has its default."""

    name: Name | None = Field(default=None, description="For people; the id if not given.")
    webhook_url: WebhookUrl = Field(description="Where its messages are posted to.")
    headers: Annotated[Headers, AfterValidator(_unmasked)] = Field(
        default_factory=dict, description="More headers for each request; none that belongs to Sendoff or HTTP itself."
    )
    timeout: Timeout = Field(default=timedelta(seconds=15), description="For a whole request, 5m at most.")
    connect_timeout: Timeout = Field(default=timedelta(seconds=5), description="For the connection alone.")
    retry: RetryStrategy = Field(default_factory=RetryStrategy)
    response_rule: ResponseRule = Field(default_factory=ResponseRule)
    limits: Limits = Field(default_factory=Limits)
    breaker: BreakerPolicy = Field(default_factory=BreakerPolicy)


class Customer(ApiModel):
    """A customer; its secret is shown once, when it is created or rotated, and never here."""

    id: str
    name: str
    webhook_url: str | None
    headers: dict[str, str] = Field(description=f"A value that looks like a credential by its name is shown as {MASK}.")
    timeout: PositiveDuration
    connect_timeout: PositiveDuration
    retry: RetryStrategy
    response_rule: ResponseRule
    limits: Limits
    breaker: BreakerPolicy
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
