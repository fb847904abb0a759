"""One request to a page or a form: who asks, and all that the answer needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import psycopg
from aiohttp import web
from multidict import MultiDict, MultiDictProxy
from yarl import URL

from sendoff_domain.access import Caller
from sendoff_domain.errors import UnavailableError
from sendoff_http.admin.access_table import AccessTable
from sendoff_http.admin.notices import Notice
from sendoff_http.admin.rendering import RENDERING
from sendoff_http.web.calls import Reply, call_operation
from sendoff_http.web.keys import CALLER
from sendoff_http.web.problems import ProblemError

#: The pages of the sidebar: name, path, and the letter of the shortcut.
MENU = (
    ("Overview", "/", "o"),
    ("Messages", "/messages", "m"),
    ("Dead letters", "/dead-letters", "d"),
    ("Retries", "/retries", "r"),
    ("Jobs", "/jobs", "j"),
    ("Customers", "/customers", "c"),
    ("Fleet", "/fleet", "f"),
)
#: What a form may be refused for that the person can mend: it is said on the page where the form is.
_MENDABLE = frozenset({400, 404, 409, 412, 413, 422, 429})


@dataclass(slots=True)
class Visit:
    """A request of a caller who may do this; `form` is what was filled in, empty for a page."""

    request: web.Request
    caller: Caller
    access_table: AccessTable
    token: str
    has_session: bool
    notice: Notice | None
    form: MultiDictProxy[str] = field(default_factory=lambda: MultiDictProxy(MultiDict()))
    #: What the page that follows says.
    said: Notice | None = None

    @property
    def sees_fleet(self) -> bool:
        """Whether the state of the whole fleet is shown to this caller."""
        return self.access_table.may_open(self.caller, "/fleet")

    @property
    def menu(self) -> list[tuple[str, str, str]]:
        """The pages that this caller may open: name, path, and the letter of its shortcut."""
        return [entry for entry in MENU if self.access_table.may_open(self.caller, entry[1])]

    def part(self, name: str = "id") -> str:
        """A part of the path."""
        return self.request.match_info[name]

    async def call(
        self,
        method: str,
        path: str,
        *parts: str,
        query: Mapping[str, Any] | None = None,
        document: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Call an operation of the API; `parts` fill the braces of the path. Raises what the operation raises."""
        url = URL(path.format(*(quote(part, safe="") for part in parts)), encoded=True)
        asked = {name: str(value) for name, value in (query or {}).items() if value not in (None, "")}
        return await call_operation(self.request, method, url.with_query(asked), document=document, headers=headers)

    async def read(self, path: str, *parts: str, query: Mapping[str, Any] | None = None) -> Any:
        """The document that a GET answers with."""
        return (await self.call("GET", path, *parts, query=query)).document

    async def act(self, done: str, back: str, call: Sequence[str], *, document: Any = None) -> web.Response:
        """Do for a form what it is for, go back to a page, and say there what came of it.

        `call` is an operation: its method, its path, and what fills the braces of that.
        """
        method, path, *parts = call
        try:
            await self.call(method, path, *parts, document=document)
        except ProblemError as problem:
            return self.go_back(problem, back)
        return self.redirect(back, done)

    def go_back(self, problem: ProblemError, back: str) -> web.Response:
        """Show on a page why a form was not done; raises the problem if it is none that a person could mend there."""
        if problem.status not in _MENDABLE:
            raise problem
        return self.redirect(back, Notice(f"Not done: {problem.detail}.", "bad"))

    def redirect(self, path: str, notice: Notice | str | None = None) -> web.Response:
        """Go on to a page (post, redirect, get), which says something first."""
        self.said = Notice(notice) if isinstance(notice, str) else notice
        return web.Response(status=303, headers={"Location": path})

    async def page(self, template: str, status: int = 200, **values: Any) -> web.Response:
        """The page of a template, with what all pages show."""
        shared = {
            "visit": self,
            "fleet": values["fleet"] if "fleet" in values else await self.read_fleet(),
            "may_open": lambda path: self.access_table.may_open(self.caller, path),
            "may_send": lambda path: self.access_table.may_send(self.caller, path),
        }
        return self.request.app[RENDERING].page(template, {**shared, **values}, status)

    async def read_fleet(self) -> Any:
        """What the fleet should do and does; None if it is not known, or not this caller's to know."""
        if not self.sees_fleet or CALLER not in self.request:  # an open page knows no caller
            return None
        try:
            return await self.read("/v1/scheduler")
        except (UnavailableError, psycopg.Error, TimeoutError):
            return None
