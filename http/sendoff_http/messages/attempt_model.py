"""An attempt as the API shows it."""

from typing import Literal

from pydantic import Field

from sendoff_http.web.documents import ShownMoment
from sendoff_http.web.validation import ApiModel


class Attempt(ApiModel):
    """One request to the webhook and what came of it."""

    generation: int = Field(description="Rises with each resend.")
    attempt: int = Field(description="1 is the first of a generation.")
    outcome: Literal["succeeded", "failed"]
    started_at: ShownMoment
    duration_ms: float
    status_code: int | None = Field(description="The status of the answer, if there was one.")
    error_class: str | None
    detail: str | None
    answer: str | None = Field(description="The first 4 KiB of a failed attempt's answer.")
