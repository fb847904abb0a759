"""API keys: `Authorization: Bearer <key>` or `X-API-Key: <key>`; no key configured leaves the API open."""

import hashlib
import hmac
from collections.abc import Callable, Sequence

from aiohttp import web
from pydantic import SecretStr

from sendoff_http.web.operation import OPEN_HANDLERS
from sendoff_http.web.problems import ProblemError

#: Raises ProblemError 401 for a request that may not pass.
Authenticate = Callable[[web.Request], None]


def make_authenticate(keys: Sequence[SecretStr]) -> Authenticate:
    """A function that raises ProblemError 401 for a request that needs one of the keys and has none."""
    known = [_digest(key.get_secret_value()) for key in keys]

    def authenticate(request: web.Request) -> None:
        if known and not _is_open(request) and not _is_known(known, _presented(request)):
            raise ProblemError(
                401,
                "unauthorized",
                "expected a known API key as Authorization: Bearer or X-API-Key",
                headers={"WWW-Authenticate": 'Bearer realm="sendoff"'},
            )

    return authenticate


def _is_open(request: web.Request) -> bool:
    return request.match_info.handler in request.app[OPEN_HANDLERS]


def _presented(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key", "")


def _is_known(known: list[bytes], presented: str) -> bool:
    # Digests have one length, and every key is compared: the time tells nothing about the keys.
    digest = _digest(presented)
    return any([hmac.compare_digest(digest, key) for key in known])  # noqa: C419 a generator would stop early


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
