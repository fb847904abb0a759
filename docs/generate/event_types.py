"""The page of all types of events, from what the AsyncAPI document is made of."""

from generate.tables import code, page, paragraph, table
from sendoff_domain.event_types import EVENT_TYPES

_HEADS = ("member of data", "what it is")
_INTRODUCTION = (
    "Every type of event that is published with events.enabled. What does not apply to an event is left out of its"
    " data. Subjects, streams and what is promised are told in events.md; schemas with examples are in /asyncapi.json."
)


def event_types_page() -> str:
    """The page."""
    parts = []
    for one in EVENT_TYPES.values():
        rows = [(code(str(each.alias)), each.description or "") for each in one.data.model_fields.values()]
        parts += [f"## {one.name}", paragraph(f"{one.summary} Its subject is the {one.about}."), table(_HEADS, rows)]
    return page("Events", _INTRODUCTION, *parts)
