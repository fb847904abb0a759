"""Which pages and forms a caller gets to see: the same table that refuses them."""

from collections.abc import Mapping

from sendoff_domain.access import Caller
from sendoff_http.web.authentication import may_access
from sendoff_http.web.operation import Access


class AccessTable:
    """What each page (GET) and form (POST) asks of a caller, by its path as it was declared."""

    def __init__(self, access: Mapping[tuple[str, str], Access]) -> None:
        self._access = access

    def may_open(self, caller: Caller, path: str) -> bool:
        """Whether the caller may open that page; raises KeyError for a path that no page has."""
        return may_access(caller, self._access["GET", path])

    def may_send(self, caller: Caller, path: str) -> bool:
        """Whether the caller may send that form; raises KeyError for a path that no form has."""
        return may_access(caller, self._access["POST", path])
