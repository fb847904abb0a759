"""What came of one attempt, as a value: delivered, or failed with a class that people can act on."""

from datetime import timedelta
from enum import StrEnum

import msgspec

#: How much of a failed attempt's answer is kept.
ANSWER_BYTES_KEPT = 4096


class ErrorClass(StrEnum):
    """Why an attempt failed; the same words in the API, the logs and the metrics."""

    STATUS = "status"
    RESPONSE_RULE = "response_rule"
    TIMEOUT = "timeout"
    CONNECT_TIMEOUT = "connect_timeout"
    CONNECTION_REFUSED = "connection_refused"
    CONNECTION_RESET = "connection_reset"
    NETWORK_UNREACHABLE = "network_unreachable"
    DNS = "dns"
    TLS = "tls"
    PROTOCOL = "protocol"
    FORBIDDEN_ADDRESS = "forbidden_address"
    REDIRECT = "redirect"
    NO_WEBHOOK = "no_webhook"
    CUSTOMER_GONE = "customer_gone"
    INTERRUPTED = "interrupted"


class Delivered(msgspec.Struct, frozen=True, gc=False):
    """The webhook accepted the message."""

    status_code: int
    duration_us: int
    external_message_id: str | None = None


class Failed(msgspec.Struct, frozen=True):
    """The attempt failed. `retry_after` is the receiver's hint; `final` says that no retry can help."""

    error_class: ErrorClass
    detail: str
    duration_us: int
    status_code: int | None = None
    answer: bytes = b""
    retry_after: timedelta | None = None
    final: bool = False


Outcome = Delivered | Failed
