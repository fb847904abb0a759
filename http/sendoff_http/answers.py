"""Answers in JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

#: A document as JSON text.
encode_json = msgspec.json.Encoder().encode


def json_answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A document as the answer; texts, numbers, lists and dictionaries only."""
    return rendered_answer(encode_json(document), status, headers)


def rendered_answer(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """The same for a document that is JSON text already."""
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")
