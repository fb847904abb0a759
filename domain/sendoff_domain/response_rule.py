"""What a webhook has to answer for its message to count as delivered."""

from typing import Any

from pydantic import Field

from sendoff_domain.section import Section


class ResponseRule(Section):
    """Which answers count: by default any 2xx, whatever its body.

    `statuses` and `final_statuses` are codes (`404`) or classes (`2xx`). `body_schema` is a JSON Schema for the body;
    or `pointer` (RFC 6901) names a place in it that must equal `equals`. `external_id` is the pointer to the id that
    is kept as externalMessageId. An answer of `final_statuses` ends the retries at once.
    """

    statuses: tuple[str, ...] = ("2xx",)
    body_schema: dict[str, Any] | None = None
    pointer: str | None = None
    equals: Any = None
    external_id: str = "/messageId"
    final_statuses: tuple[str, ...] = Field(default=())
