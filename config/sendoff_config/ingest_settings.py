"""The settings of the ingest: what the streams may hold, and how much of it is in a process at a time."""

from datetime import timedelta

from pydantic import Field, model_validator

from sendoff_domain.document_model import PolicyModel
from sendoff_domain.times import PositiveDuration


class RejectedSettings(PolicyModel):
    """How long, and how much of, what was rejected is kept in its stream."""

    max_age: PositiveDuration = timedelta(days=30)
    max_bytes: int = Field(default=2**30, ge=2**20, le=2**50)


class IngestSettings(PolicyModel):
    """Messages that come in over JetStream; `enabled` decides whether `sendoff up` takes them from there.

    The stream holds at most `max_bytes`, and `per_customer` messages of a customer. A process stores at most
    `batch_size` at a time; `max_ack_pending` is what all of them together may hold without having stored it.
    """

    enabled: bool = False
    processes: int = Field(default=1, ge=1, le=256)
    batch_size: int = Field(default=1_000, ge=1, le=10_000)
    max_ack_pending: int = Field(default=4_000, ge=1, le=1_000_000)
    per_customer: int = Field(default=1_000_000, ge=1, le=2**40)
    max_bytes: int = Field(default=10 * 2**30, ge=2**20, le=2**50)
    replicas: int = Field(default=1, ge=1, le=5)
    duplicate_window: PositiveDuration = timedelta(minutes=10)
    rejected: RejectedSettings = RejectedSettings()

    @model_validator(mode="after")
    def _batches_can_be_full(self) -> "IngestSettings":
        if self.max_ack_pending < self.batch_size:
            raise ValueError("expected maxAckPending to be at least batchSize")
        return self
