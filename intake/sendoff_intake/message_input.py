"""What a client may send in as a message."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from sendoff_domain.backoff import RetryStrategy
from sendoff_domain.document_model import DocumentModel
from sendoff_domain.texts import DEFAULT_CUSTOMER, LONGEST_REFERENCE, CustomerId, Recipient, Reference
from sendoff_domain.times import Duration, Moment
from sendoff_intake.submission import NewMessage

MOST_METADATA_KEYS = 50
MOST_METADATA_BYTES = 8 * 1024
#: The strategy travels with its message; a customer's may be longer.
MOST_WAITS = 100


class MessageInput(DocumentModel):
    """A message to accept; `deliverAt` in the past means now, and so does neither of `deliverAt` and `delay`."""

    # PlainMessage takes past this model what is plainly valid: what it takes must be valid here, too.
    to: Recipient = Field(description="Whom the message is for; its meaning is the webhook's business.")
    content: Any = Field(description="Text or any JSON, at most 64 KiB.")
    customer: CustomerId = Field(default=DEFAULT_CUSTOMER, description="Whose webhook gets the message.")
    deliver_at: Moment | None = Field(default=None, description="When to deliver it: with a time zone.")
    delay: Duration | None = Field(default=None, description="How long from now; either this or deliverAt.")
    expires_at: Moment | None = Field(default=None, description="After this it is not sent any more.")
    metadata: dict[str, str] = Field(
        default_factory=dict,
        max_length=MOST_METADATA_KEYS,
        description=f"Texts that go along: at most {MOST_METADATA_KEYS} keys and {MOST_METADATA_BYTES // 1024} KiB.",
    )
    reference: Reference | None = Field(
        default=None,
        description=f"Your own id to find it by: at most {LONGEST_REFERENCE} characters; it is not sent along.",
    )
    retry: RetryStrategy | None = Field(
        default=None,
        description="How it is tried again, if not by its customer's strategy: an object, or the name of a preset.",
    )

    @field_validator("delay")
    @classmethod
    def _not_both(cls, delay: timedelta | None, info: ValidationInfo) -> timedelta | None:
        if delay is not None and info.data.get("deliver_at") is not None:
            raise PydanticCustomError("both", "expected either deliverAt or delay, not both")
        return delay

    @field_validator("expires_at")
    @classmethod
    def _after_delivery(cls, expires_at: datetime | None, info: ValidationInfo) -> datetime | None:
        deliver_at = info.data.get("deliver_at")
        if expires_at is not None and deliver_at is not None and expires_at <= deliver_at:
            raise PydanticCustomError("order", "expected a moment after deliverAt")
        return expires_at

    @field_validator("metadata")
    @classmethod
    def _small(cls, metadata: dict[str, str]) -> dict[str, str]:
        size = metadata_size(metadata)
        if size > MOST_METADATA_BYTES:
            raise PydanticCustomError("size", f"expected at most {MOST_METADATA_BYTES} bytes in all, got {size}")
        return metadata

    @field_validator("retry")
    @classmethod
    def _short(cls, retry: RetryStrategy | None) -> RetryStrategy | None:
        if retry is not None and retry.waits is not None and len(retry.waits) > MOST_WAITS:
            raise PydanticCustomError("size", f"expected at most {MOST_WAITS} waits, got {len(retry.waits)}")
        return retry

    def to_new_message(self, default: str) -> NewMessage:
        """The message that was sent in, without what only reading it needs; for `default` if it names no customer."""
        return NewMessage(
            to=self.to,
            customer=self.customer if "customer" in self.model_fields_set else default,
            deliver_at=self.deliver_at,
            delay=self.delay,
            expires_at=self.expires_at,
            metadata=self.metadata,
            retry=None if self.retry is None else self.retry.model_dump_json(by_alias=True, exclude_unset=True),
            reference=self.reference,
        )


def metadata_size(metadata: dict[str, str]) -> int:
    """The size of metadata in bytes, as the limit counts it."""
    return sum(len(key.encode()) + len(value.encode()) for key, value in metadata.items())
