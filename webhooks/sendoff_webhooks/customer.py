"""The customer: what can be said of one, in every form that it has.

A field of `CustomerFields` is all of it: the API takes and shows it, a merge patch changes it, the seed and the workers
know it. In the database it is a column of its name, which `update_customer.sql` lists; `columns_of` and
`given_document` say which fields are stored in another form.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any

import structlog
from pydantic import ConfigDict, Field, StringConstraints

from sendoff_domain.backoff import RetryStrategy
from sendoff_domain.breaker import BreakerPolicy
from sendoff_domain.document_model import DocumentModel, PolicyModel
from sendoff_domain.limits import Limits
from sendoff_domain.response_rule.rule import ResponseRule
from sendoff_domain.texts import CustomerId
from sendoff_domain.times import PositiveDuration, format_duration
from sendoff_domain.webhook_headers import Headers, shown_headers
from sendoff_domain.webhook_url import WebhookUrl

log = structlog.get_logger("sendoff.customers")

Document = dict[str, Any]
#: The values of the table's columns by their names, as plain JSON.
Columns = dict[str, Any]

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Description = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]


class CustomerFields(DocumentModel):
    """What can be said of a customer; what is left out has its default."""

    name: Name | None = Field(default=None, description="For people; the id if not given.")
    description: Description | None = Field(default=None, description="What to know of it; for people.")
    webhook_url: WebhookUrl | None = Field(default=None, description="Where its messages are posted to.")
    headers: Headers = Field(
        default_factory=dict, description="More headers for each request; none that belongs to Sendoff or HTTP itself."
    )
    timeout: PositiveDuration = Field(default=timedelta(seconds=15), description="For a whole request, 5m at most.")
    connect_timeout: PositiveDuration = Field(default=timedelta(seconds=5), description="For the connection alone.")
    retry: RetryStrategy = Field(default_factory=RetryStrategy)
    response_rule: ResponseRule = Field(default_factory=ResponseRule)
    limits: Limits = Field(default_factory=Limits)
    breaker: BreakerPolicy = Field(default_factory=BreakerPolicy)
    events_of: CustomerId | None = Field(
        default=None,
        description="Its messages are the events of this customer, of which no events are told. It can't be changed.",
    )


class Customer(CustomerFields):
    """A stored customer, with the keys that sign its requests, the newest first.

    While its breaker is open its messages are held. `unreadable` says that a field or a valid key of it can't be read
    by this process, so that nothing may be sent: a request would break a rule or lack a signature.
    """

    model_config = ConfigDict(validate_by_name=True)

    id: str
    keys: tuple[bytes, ...] = Field(default=(), repr=False, exclude=True)
    breaker_open: bool = Field(default=False, exclude=True)
    unreadable: bool = Field(default=False, exclude=True)

    def document(self) -> Document:
        """The customer as people may see it: with its defaults, and credentials in its headers masked."""
        shown = self.model_dump(mode="json", by_alias=True, exclude={"retry": self.retry.silent_keys})
        return {"id": self.id, **shown, "headers": shown_headers(self.headers)}


def customer_of(columns: Mapping[str, Any]) -> Customer:
    """The customer of a row, without its keys; raises ValidationError if another version has written what is in it."""
    return Customer.model_validate({"id": columns["id"], **given_document(columns)})


def given_document(columns: Mapping[str, Any]) -> Document:
    """The document that the customer of a row could be created from: sections are as they were given."""
    return {str(field.alias): _given(name, columns) for name, field in CustomerFields.model_fields.items()}


def columns_of(customer_id: str, fields: CustomerFields) -> Columns:
    """What is stored of a customer with these fields."""
    columns: Columns = {"id": customer_id}
    for name in CustomerFields.model_fields:
        columns |= _stored(name, getattr(fields, name))
    return columns | {"name": fields.name or customer_id}


def _stored(name: str, value: Any) -> Columns:
    if isinstance(value, Limits):
        period = _milliseconds(value.per)
        limits = {"rate": value.rate, "rate_period_ms": period, "concurrency": value.concurrency}
        return {**limits, "backlog": value.backlog}
    if isinstance(value, timedelta):
        return {f"{name}_ms": _milliseconds(value)}
    if isinstance(value, PolicyModel):
        return {name: value.model_dump(mode="json", by_alias=True, exclude_unset=True)}
    return {name: value}


def _given(name: str, columns: Mapping[str, Any]) -> Any:
    if name == "limits":
        numbers = {limit: columns[limit] for limit in ("rate", "concurrency", "backlog")}
        return {**numbers, "per": _duration(columns["rate_period_ms"])}
    if f"{name}_ms" in columns:
        return _duration(columns[f"{name}_ms"])
    return columns[name]


def _duration(milliseconds: int) -> str:
    return format_duration(timedelta(milliseconds=milliseconds))


def _milliseconds(duration: timedelta) -> int:
    return round(duration / timedelta(milliseconds=1))


def strategy_of(own: str | None, customer: Customer | None) -> RetryStrategy:
    """The retry strategy of a message: its own (JSON text) if it has one that can be read, or else its customer's.

    The Sender and the Retrier have to agree on it.
    """
    strategy = None if own is None else _read_strategy(own)
    if strategy is not None:
        return strategy
    return RetryStrategy() if customer is None else customer.retry


@lru_cache(maxsize=256)  # messages that come together are often alike
def _read_strategy(text: str) -> RetryStrategy | None:
    try:
        return RetryStrategy.model_validate_json(text)
    except ValueError as error:  # another version of Sendoff has written it; the message must not suffer
        log.warning(
            "a message's retry strategy can't be read, its customer's counts", retry=text[:200], error=str(error)
        )
        return None
