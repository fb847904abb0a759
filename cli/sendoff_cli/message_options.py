"""Options by which messages and dead letters are chosen, and the query that they make."""

from typing import Annotated

import typer

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The message's id: msg_...")]
CustomerFilter = Annotated[str | None, typer.Option("--customer", help="Of this customer.")]
ToFilter = Annotated[str | None, typer.Option("--to", help="To exactly this recipient.")]
ReferenceFilter = Annotated[str | None, typer.Option("--reference", help="With exactly this reference.")]
CreatedAfterFilter = Annotated[
    str | None, typer.Option("--created-after", metavar="RFC3339", help="Created then or later: 2026-01-31T08:00:00Z.")
]
CreatedBeforeFilter = Annotated[str | None, typer.Option("--created-before", metavar="RFC3339", help="Created before.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="The most that are shown.")]
CursorOption = Annotated[str | None, typer.Option("--cursor", help="Go on where an earlier list ended.")]


def query_of(**filters: str | None) -> dict[str, str]:
    """The query of these filters, named as the API has them; those that are None are left out."""
    return {_camel(name): value for name, value in filters.items() if value is not None}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
