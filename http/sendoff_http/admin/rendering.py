"""Turns templates into pages; templates and static files are read once, from wherever the package is installed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from aiohttp import web
from jinja2 import Environment, FunctionLoader, StrictUndefined

from sendoff_http.admin import shown

#: Only what this server itself gives; no style or script within a page.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers send the Origin of a form as null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGE_HEADERS = {**SECURITY_HEADERS, "Cache-Control": "no-store"}
_STATIC_HEADERS = {**SECURITY_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FILTERS = {
    "number": shown.shown_number,
    "moment": shown.shown_moment,
    "milliseconds": shown.shown_milliseconds,
    "seconds": shown.shown_seconds,
    "short": shown.shortened,
    "json": shown.shown_json,
    "text": shown.shown_text,
    "sentence": shown.shown_sentence,
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that pages refer to, under an address that changes with its content."""

    path: str
    body: bytes
    content_type: str

    def response(self) -> web.Response:
        """The file, to be kept for ever."""
        return web.Response(body=self.body, content_type=self.content_type, charset="utf-8", headers=_STATIC_HEADERS)


class Rendering:
    """The templates of one process, compiled before the first request."""

    def __init__(self, static: Mapping[str, StaticFile]) -> None:
        self._environment = compile_templates()
        self._addresses = {name: file.path for name, file in static.items()}

    def page(self, template: str, values: Mapping[str, Any], status: int = 200) -> web.Response:
        """The response that shows a template."""
        text = self._environment.get_template(template).render(values, asset=self._addresses.__getitem__)
        return web.Response(text=text, status=status, content_type="text/html", headers=_PAGE_HEADERS)


RENDERING: web.AppKey[Rendering] = web.AppKey("rendering", Rendering)


def read_static_files(root: str) -> dict[str, StaticFile]:
    """The files by their names; `root` is what their addresses begin with."""
    files = {}
    for file in resources.files(__package__).joinpath("static").iterdir():
        body = file.read_bytes()
        digest = hashlib.sha256(body).hexdigest()[:16]
        ending = file.name.rpartition(".")[2]
        files[file.name] = StaticFile(f"{root}/static/{digest}/{file.name}", body, _TYPES[ending])
    return files


@lru_cache(maxsize=1)
def compile_templates() -> Environment:
    """All templates, compiled; a process does so once, whatever it makes of them."""
    environment = Environment(
        loader=FunctionLoader(_read_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,  # none is ever dropped
    )
    environment.filters.update(_FILTERS)
    environment.globals["DASH"] = shown.DASH
    for file in _templates().iterdir():
        environment.get_template(file.name)
    return environment


def _read_template(name: str) -> str:
    return _templates().joinpath(name).read_text(encoding="utf-8")


def _templates() -> Traversable:
    return resources.files(__package__).joinpath("templates")
