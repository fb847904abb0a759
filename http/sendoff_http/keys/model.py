"""API keys as the API takes and shows them."""

from datetime import datetime
from typing import Any

from pydantic import Field

from sendoff_domain.access import KeyPolicy, Scope
from sendoff_domain.times import Moment
from sendoff_http.keys.rows import KeyRow
from sendoff_http.web.documents import ResponseModel, ShownMoment


class NewKey(KeyPolicy):
    """A key to be made."""

    expires_at: Moment | None = Field(default=None, description="It works until then; absent: until it is revoked.")


class ApiKey(ResponseModel):
    """A key; its secret is shown once, when it is made, and never here."""

    id: str
    name: str
    prefix: str = Field(description="How its secret begins.")
    scopes: list[Scope]
    customer: str | None = Field(description="The one customer whose things it sees and changes.")
    rate: int | None = Field(description="Requests per second that each API process takes of it.")
    created_at: ShownMoment
    created_by: str = Field(description="The key that made it, `anonymous`, or who used the command line.")
    expires_at: ShownMoment | None
    revoked_at: ShownMoment | None
    last_used_at: ShownMoment | None = Field(description="Written once a minute at most.")


class CreatedKey(ApiKey):
    """The key, and this once its secret."""

    secret: str = Field(description="What a request carries. It is not shown again, and nobody can look it up.")


def describe_key(row: KeyRow) -> dict[str, Any]:
    """The document of a key."""
    return ApiKey.model_validate(row).document()


def is_past(moment: datetime | None, now: float) -> bool:
    """Whether a moment that is set has passed."""
    return moment is not None and moment.timestamp() <= now
