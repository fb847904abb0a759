"""Answers in JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

_encode = msgspec.json.Encoder().encode


def json_answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A document as the answer; texts, numbers, lists and dictionaries only."""
    return web.Response(body=_encode(document), status=status, headers=headers, content_type="application/json")
