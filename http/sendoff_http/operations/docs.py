"""The OpenAPI document, and a page to read and try it that works without internet."""

from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import msgspec
from aiohttp import web

from sendoff_http.web.openapi import OPENAPI
from sendoff_http.web.operation import OPEN, ResponseDoc, Routes, mount_open_page

routes = Routes("Description")

#: Only what this server itself gives. Swagger UI sets style attributes and shows pictures from data addresses.
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
_OWN = {"index.html": "text/html", "init.js": "text/javascript"}
_BUNDLED = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}


@routes.operation(
    "GET", "/openapi.json", "This document", {200: ResponseDoc("The OpenAPI 3.1 document", dict[str, Any])}, access=OPEN
)
async def read_openapi(request: web.Request) -> web.Response:
    """The document that was built at start."""
    return web.Response(body=msgspec.json.encode(request.app[OPENAPI]), content_type="application/json")


def mount_page(app: web.Application) -> None:
    """Make the Swagger page reachable; its files are read once, at start."""
    for name, content_type in _OWN.items():
        _serve(app, name, resources.files("sendoff_http.operations").joinpath(name), content_type)
    for name, content_type in _BUNDLED.items():
        _serve(app, name, bundle_folder().joinpath(name), content_type)
    for path in ("/swagger", "/swagger/"):
        mount_open_page(app, path, _redirect)
    mount_open_page(app, "/favicon.ico", _favicon)


def bundle_folder() -> Traversable:
    """The folder of Swagger UI's files inside the installed package, whatever its version."""
    folders = resources.files("swagger_ui_bundle").joinpath("vendor").iterdir()
    found = [folder for folder in folders if folder.name.startswith("swagger-ui-")]
    if not found:
        raise FileNotFoundError("the package swagger-ui-bundle-v2 holds no Swagger UI")
    return max(found, key=lambda folder: folder.name)


def _serve(app: web.Application, name: str, file: Traversable, content_type: str) -> None:
    body = file.read_bytes()

    async def serve(_: web.Request) -> web.Response:
        return web.Response(
            body=body, content_type=content_type, headers=_HEADERS, charset="utf-8" if "text" in content_type else None
        )

    mount_open_page(app, f"/swagger/{name}", serve)


async def _redirect(_: web.Request) -> web.Response:
    raise web.HTTPFound("/swagger/index.html")


async def _favicon(_: web.Request) -> web.Response:
    raise web.HTTPFound("/swagger/favicon-32x32.png")
