"""From a message on NATS to a submission: its customer, its key and its body, or why it is none."""

from collections.abc import Mapping

import msgspec
import structlog
from nats.aio.msg import Msg

from sendoff_domain.stream_names import MESSAGE_ID_HEADER
from sendoff_domain.texts import match_customer_id
from sendoff_domain.trace_context import TRACEPARENT, TRACESTATE, read_trace
from sendoff_domain.validation_errors import FieldError
from sendoff_ingest.client import UNREADABLE
from sendoff_intake.submission import Reason, Rejected, Submission, reject_invalid
from sendoff_intake.submission_reader import (
    KEY_FORM,
    KEY_HEADER,
    MESSAGE_LIMIT,
    SubmissionReader,
    match_idempotency_key,
)

_TOO_LARGE = Rejected(Reason.CONTENT_TOO_LARGE, f"expected at most {MESSAGE_LIMIT} bytes of a message")
_NOT_READ = Rejected(Reason.INVALID, "the message could not be read, which is a mistake of Sendoff's")
#: Of a message without a key, whose key the stream gives: what it came with can't differ.
_ANY_BODY = b""

log = structlog.get_logger("sendoff.ingest")


class MessageReader:
    """Reads what is in one stream; `origin` tells that stream from any of the same name.

    Every submission has a key, so that a message which comes a second time is stored once: that of its producer, or
    its place in the stream.
    """

    def __init__(self, reader: SubmissionReader, origin: str) -> None:
        self._reader = reader
        self._origin = origin

    def read(self, message: Msg) -> Submission | Rejected:
        """The submission, or all that is wrong with it; whatever it is, it does not raise."""
        try:
            return self._read(message)
        except Exception:
            log.exception("a message could not be read", subject=message.subject[:200], bytes=len(message.data))
            return _NOT_READ

    def place_of(self, message: Msg) -> str:
        """Which message of which stream it is, in 255 characters; no other has the same, ever."""
        return f"{self._origin}.{sequence_of(message)}"

    def _read(self, message: Msg) -> Submission | Rejected:
        customer = message.subject.rpartition(".")[2]
        if not match_customer_id(customer):
            return reject_invalid(
                FieldError(
                    "/customer", "expected the customer's id as the subject's last part: letters, digits, _ and -"
                )
            )
        if len(message.data) > MESSAGE_LIMIT:
            return _TOO_LARGE
        key = _key_of(message.headers, customer)
        if isinstance(key, Rejected):
            return key
        read = self._reader.read_plain(message.data, key, customer) or self._reader.read_any(
            message.data, key, named="message", default=customer
        )
        if isinstance(read, Rejected):
            return read
        if read.message.customer != customer:
            return reject_invalid(FieldError("/customer", f"expected {customer!r}, as the subject says, or nothing"))
        trace = None if message.headers is None else _trace_of(message.headers)
        if key is not None:
            return read if trace is None else msgspec.structs.replace(read, trace=trace)
        return self._with_place(read, message, trace)

    def _with_place(self, read: Submission, message: Msg, trace: str | None) -> Submission:
        # The unit separator cannot be part of a key that a client gives.
        key = f"\x1f{self.place_of(message)}"
        return Submission(read.hex_id, read.message, read.payload, key, _ANY_BODY, trace)


def sequence_of(message: Msg) -> int:
    """Its number in its stream."""
    tokens = message.reply.split(".")  # $JS.ACK, the domain and the account from NATS 2.10 on if it is asked to
    return int(tokens[5] if len(tokens) == 9 else tokens[7])


def pending_after(message: Msg) -> int:
    """How many more messages its consumer had to give when it gave this one."""
    tokens = message.reply.split(".")
    return int(tokens[8] if len(tokens) == 9 else tokens[10])


def _key_of(headers: Mapping[str, str] | None, customer: str) -> str | Rejected | None:
    """The producer's key: of its own header, or what follows the customer in the id that NATS goes by."""
    if headers is None:
        return None
    if headers == UNREADABLE:
        return reject_invalid(FieldError("headers", "expected NATS/1.0 and lines such as Idempotency-Key: order-4711"))
    key = next((value for name, value in headers.items() if name.lower() == KEY_HEADER.lower()), None)
    if key is None:
        given, _, key_in_id = headers.get(MESSAGE_ID_HEADER, "").partition(":")
        return key_in_id if given == customer and match_idempotency_key(key_in_id) else None
    if not match_idempotency_key(key):
        return reject_invalid(FieldError(KEY_HEADER, f"expected {KEY_FORM}"))
    return key


def _trace_of(headers: Mapping[str, str]) -> str | None:
    given = {name.lower(): value for name, value in headers.items()}
    if TRACEPARENT not in given:
        return None
    return read_trace([given[TRACEPARENT]], [given.get(TRACESTATE, "")])
