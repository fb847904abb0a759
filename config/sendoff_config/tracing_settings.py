"""The settings of tracing: whether spans are exported, where to, and how many."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from sendoff_domain.document_model import PolicyModel
from sendoff_domain.times import PositiveDuration
from sendoff_domain.webhook_url import checked_webhook_url

CollectorUrl = Annotated[str, AfterValidator(checked_webhook_url)]


class TracingSettings(PolicyModel):
    """Whether spans go to the OTLP/HTTP collector at `endpoint`, each request within `timeout`.

    `sample` is the share of the traces that begin here; those that come with a message are sampled by who began them.
    At most `queue` spans of each process wait.
    """

    enabled: bool = False
    endpoint: CollectorUrl = "http://127.0.0.1:4318/v1/traces"
    sample: float = Field(default=1.0, ge=0, le=1)
    timeout: PositiveDuration = timedelta(seconds=5)
    queue: int = Field(default=2048, ge=1, le=100_000)
