"""What the streams of the ingest are called, and where in them messages are; `prefix` is `control.prefix`."""

from typing import Final

#: The header by which NATS itself knows what it was sent before.
MESSAGE_ID_HEADER: Final = "Nats-Msg-Id"


def ingest_stream_name(prefix: str) -> str:
    """The stream of the messages that come in."""
    return f"{prefix.upper()}_INGEST"


def rejected_stream_name(prefix: str) -> str:
    """The stream of what could not be taken in."""
    return f"{prefix.upper()}_INGEST_REJECTED"


def ingest_subject(prefix: str, customer: str) -> str:
    """Where messages of a customer are published; `*` as a customer stands for all."""
    return f"{prefix}.ingest.v1.{customer}"


def kept_subject(prefix: str, group: str, customer: str) -> str:
    """Where the stream keeps them; `*` stands for all groups, or all customers."""
    return f"{prefix}.ingest.v1.{group}.{customer}"


def published_subject(kept: str) -> str:
    """Where a message was published that is kept there."""
    head, _, customer = kept.rpartition(".")
    above, _, group = head.rpartition(".")
    return f"{above}.{customer}" if group.isdigit() else kept


def rejected_subject(prefix: str) -> str:
    """Where rejections are published."""
    return f"{prefix}.ingest.rejected"
