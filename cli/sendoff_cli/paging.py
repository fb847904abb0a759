"""Lists of the API, fetched page by page."""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from sendoff_cli.api_client import ApiClient

_LARGEST_PAGE = 250
#: A search among millions is given up after this long (seconds); its cursor tells where to go on.
_PATIENCE_SECONDS = 10.0


class Listing(NamedTuple):
    """The first rows of a list, where it goes on (None: nowhere), and how far back it was searched, if it says so."""

    data: list[dict[str, Any]]
    next_cursor: str | None
    searched_to: str | None

    def document(self) -> dict[str, Any]:
        """The form in which a program gets it: that of one page of the API."""
        found = {"data": self.data, "nextCursor": self.next_cursor}
        return found if self.searched_to is None else {**found, "searchedTo": self.searched_to}


async def fetch_list(
    api: ApiClient, path: str, query: Mapping[str, str], limit: int, *, cursor: str | None = None
) -> Listing:
    """Up to `limit` rows, from `cursor` on if it is given."""
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        size = str(min(_LARGEST_PAGE, limit - len(found)))
        behind = {} if cursor is None else {"cursor": cursor}
        page = await api.call("GET", path, query={**query, **behind, "limit": size})
        found += page["data"]
        cursor = page["nextCursor"]
        if cursor is None or len(found) >= limit or time.monotonic() > deadline:
            return Listing(found, cursor, page.get("searchedTo"))
