"""Customers as the database has them, and the documents made of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import args_row

from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.backoff import RetryStrategy
from sendoff_domain.breaker import BreakerPolicy
from sendoff_domain.durations import format_duration
from sendoff_domain.limits import Limits
from sendoff_domain.policy_model import PolicyModel
from sendoff_domain.response_rule.rule import ResponseRule
from sendoff_domain.times import format_moment, format_optional
from sendoff_domain.webhook_headers import shown_headers
from sendoff_http.customers.model import CustomerFields

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """One customer as `find_customer.sql` gives it; the sections are what was given, without defaults."""

    id: str
    name: str
    webhook_url: str | None
    headers: dict[str, str]
    timeout_ms: int
    connect_timeout_ms: int
    retry: Document
    response_rule: Document
    rate: int | None
    rate_period_ms: int
    concurrency: int | None
    breaker: Document
    paused: bool
    pause_reason: str | None
    paused_at: datetime | None
    breaker_opened_at: datetime | None
    probe_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


async def find_customer(connection: Connection, customer_id: str) -> CustomerRow | None:
    """One customer, or None."""
    async with connection.cursor(row_factory=args_row(CustomerRow)) as cursor:
        await cursor.execute(read_statement(__package__, "find_customer"), {"id": customer_id})
        return await cursor.fetchone()


def describe_customer(row: CustomerRow) -> Document:
    """The customer document."""
    return {
        "id": row.id,
        **given_fields(row),
        "headers": shown_headers(row.headers),
        "retry": _shown_strategy(RetryStrategy.model_validate(row.retry)),
        "responseRule": _shown(ResponseRule.model_validate(row.response_rule)),
        "limits": _shown(Limits.model_validate(_limits(row))),
        "breaker": _shown(BreakerPolicy.model_validate(row.breaker)),
        "paused": row.paused,
        "pauseReason": row.pause_reason,
        "pausedAt": format_optional(row.paused_at),
        "breakerState": "closed" if row.breaker_opened_at is None else "open",
        "breakerOpenedAt": format_optional(row.breaker_opened_at),
        "nextProbeAt": format_optional(row.probe_at),
        "version": row.version,
        "createdAt": format_moment(row.created_at),
        "updatedAt": format_moment(row.updated_at),
    }


def given_fields(row: CustomerRow) -> Document:
    """The document that this customer could be created from."""
    return {
        "name": row.name,
        "webhookUrl": row.webhook_url,
        "headers": row.headers,
        "timeout": _duration(row.timeout_ms),
        "connectTimeout": _duration(row.connect_timeout_ms),
        "retry": row.retry,
        "responseRule": row.response_rule,
        "limits": _limits(row),
        "breaker": row.breaker,
    }


def stored_values(customer_id: str, fields: CustomerFields) -> Document:
    """What is stored of these fields, by column, as plain JSON."""
    return {
        "id": customer_id,
        "name": fields.name or customer_id,
        "webhook_url": fields.webhook_url,
        "headers": fields.headers,
        "timeout_ms": _milliseconds(fields.timeout),
        "connect_timeout_ms": _milliseconds(fields.connect_timeout),
        "retry": _given(fields.retry),
        "response_rule": _given(fields.response_rule),
        "rate": fields.limits.rate,
        "rate_period_ms": _milliseconds(fields.limits.per),
        "concurrency": fields.limits.concurrency,
        "breaker": _given(fields.breaker),
    }


def _limits(row: CustomerRow) -> Document:
    return {"rate": row.rate, "per": _duration(row.rate_period_ms), "concurrency": row.concurrency}


def _shown(section: PolicyModel) -> Document:
    return section.model_dump(mode="json", by_alias=True)


def _shown_strategy(strategy: RetryStrategy) -> Document:
    """Without the keys that do not count, so that what is shown could be sent in."""
    silent = {"waits"} if strategy.waits is None else {"attempts", "first", "factor", "max"}
    return strategy.model_dump(mode="json", by_alias=True, exclude=silent)


def _given(section: PolicyModel) -> Document:
    return section.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _duration(milliseconds: int) -> str:
    return format_duration(timedelta(milliseconds=milliseconds))


def _milliseconds(duration: timedelta) -> int:
    return round(duration / timedelta(milliseconds=1))
