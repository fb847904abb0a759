"""What is published of a message on NATS that was not taken in: the document in the stream of rejections."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sendoff_domain.validation_errors import FieldError
from sendoff_intake.submission import Reason

REFUSED_BY_DATABASE: Final = "refused_by_database"
#: A full backlog is nothing that the ingest looks at.
_REASONS = [*(reason for reason in Reason if reason is not Reason.BACKLOG_FULL), REFUSED_BY_DATABASE]


class Mistake(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong with a message."""

    pointer: Annotated[str, Meta(description="Where: a JSON pointer into the message, or the name of a header.")]
    detail: Annotated[str, Meta(description="What was expected.")]
    code: str | None = None


class Rejection(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A message that was not taken in: why, where it came from, and what is kept of it."""

    reason: Annotated[str, Meta(description="A code of the HTTP API.", extra_json_schema={"enum": _REASONS})]
    detail: Annotated[str, Meta(description="A sentence for a person.")]
    errors: list[Mistake]
    subject: Annotated[str, Meta(description="Where it was published.")]
    sequence: Annotated[int, Meta(description="Its number in the stream of the ingest.")]
    published_at: Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
    headers: Annotated[dict[str, str], Meta(description="Its first headers: 8 KiB of them.")]
    body: Annotated[str, Meta(description="The first 96 KiB of its body.")]
    body_encoding: Annotated[Literal["utf-8", "base64"], Meta(description="`base64` where it is no UTF-8.")]
    body_bytes: Annotated[int, Meta(description="How long its body was.")]


def mistake_of(error: FieldError) -> Mistake:
    """The form in which a mistake is published."""
    return Mistake(error.pointer, error.detail, error.code)
