"""The message as the API shows it."""

from typing import Annotated, Any

from pydantic import Field

from sendoff_domain.backoff import RetryStrategy
from sendoff_domain.message import Status
from sendoff_http.web.documents import ResponseModel, ShownMoment
from sendoff_http.web.validation import ApiModel

MessageId = Annotated[str, Field(pattern="^msg_[0-9a-f]{32}$", examples=["msg_0192f0c1a2b37c4d8e5f60718293a4b5"])]


class LastError(ResponseModel):
    """The last failed attempt: an error class, what happened, and the status if there was an answer."""

    error_class: str = Field(alias="class")
    detail: str | None
    status: int | None
    at: ShownMoment | None


class Message(ApiModel):
    """A message, wherever it is."""

    id: MessageId
    reference: str | None = Field(description="Its sender's own id, if it was given one.")
    customer: str
    to: str
    content: Any = Field(description="Text or any JSON, as it was sent in.")
    metadata: dict[str, str]
    status: Status
    deliver_at: ShownMoment
    expires_at: ShownMoment | None
    retry: RetryStrategy | None = Field(description="Its own strategy; null means its customer's.")
    created_at: ShownMoment
    sent_at: ShownMoment | None
    attempts: int = Field(ge=0, description="Attempts made so far, of the current generation.")
    last_error: LastError | None
    external_message_id: str | None = Field(
        description="The receiver's id in the webhook's answer, `messageId` by default."
    )
