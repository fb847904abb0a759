"""Jobs as a person reads them."""

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType

from sendoff_cli.paging import Listing
from sendoff_cli.plain_text import table_of, with_note

Document = Mapping[str, Any]


def jobs_table(found: Listing) -> RenderableType:
    """Documents of `GET /v1/jobs`."""
    titles = ("id", "kind", "state", "customer", "matched", "done", "skipped", "rate", "created at")
    rows = [
        (
            one["id"],
            one["kind"],
            one["state"],
            one["customer"] or "all",
            one["matched"],
            one["done"],
            one["skipped"],
            one["rate"],
            one["createdAt"][:19] + "Z",
        )
        for one in found.data
    ]
    more = f"there are more: raise --limit, or go on with --cursor {found.next_cursor}"
    return with_note(table_of(titles, rows), more if found.next_cursor else None)


def describe_job(job: Document) -> str:
    """Where a job is, in one line."""
    counts = f"{job['done']} of {job['matched']} done"
    skipped = f", {job['skipped']} skipped" if job["skipped"] else ""
    skipped += f", {job['rejected']} refused" if job["rejected"] else ""
    error = f" ({job['error']})" if job["error"] else ""
    return f"{job['id']} is {job['state']}: {counts}{skipped}{error}"
