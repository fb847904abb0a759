"""A page of the admin and a form on it: what serves it, and what it asks of whoever opens or sends it."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from sendoff_http.admin.visit import Visit
from sendoff_http.web.operation import OPEN, Access

#: Where all pages are.
ROOT = "/admin"
PageHandler = Callable[[Visit], Awaitable[web.StreamResponse]]
Method = Literal["GET", "POST"]


@dataclass(frozen=True, slots=True)
class Page:
    """A page (GET) or a form (POST): its path below ROOT, what serves it, and what it asks of a caller."""

    method: Method
    path: str
    handler: PageHandler
    access: Access

    @property
    def is_open(self) -> bool:
        """Whether it is there for people who have not logged in."""
        return self.access is OPEN


class Pages:
    """The pages and forms of one module."""

    def __init__(self) -> None:
        self._pages: list[Page] = []

    def __iter__(self) -> Iterator[Page]:
        return iter(self._pages)

    def page(self, path: str, *, access: Access) -> Callable[[PageHandler], PageHandler]:
        """Declare the decorated handler as a page."""
        return self._declare("GET", path, access)

    def form(self, path: str, *, access: Access) -> Callable[[PageHandler], PageHandler]:
        """Declare the decorated handler as what a form does; it gets the form only with a token of ours."""
        return self._declare("POST", path, access)

    def _declare(self, method: Method, path: str, access: Access) -> Callable[[PageHandler], PageHandler]:
        def declare(handler: PageHandler) -> PageHandler:
            self._pages.append(Page(method, path, handler, access))
            return handler

        return declare
