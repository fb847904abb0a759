"""The API as the command uses it."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from sendoff_cli.listening import reachable_host
from sendoff_cli.options import chosen_config
from sendoff_config.loading import load_settings
from sendoff_config.settings import HttpSettings
from sendoff_domain.access import Scope
from sendoff_domain.errors import SendoffError, UnavailableError

_CONNECT_SECONDS = 5.0
_PAUSE_SECONDS = 0.5
_JSON = ("application/json", "application/problem+json")
_LINES = "application/x-ndjson"


class NoApiError(SendoffError):
    """No server listens at that address, or one that is not Sendoff."""


class ApiClient:
    """Calls one API; a key is sent along when there is one."""

    def __init__(self, url: str, key: str | None) -> None:
        self.url = url.rstrip("/")
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> Any:
        """The document that the API answers with, or None where it has nothing to say; a `body` of bytes goes as it is.

        Lines of JSON are answered as bytes.

        Raises NoApiError when there is no Sendoff at the address, UnavailableError when the request may or may not
        have been served, and SendoffError with the problem's detail when it was refused.
        """
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=_CONNECT_SECONDS)
        sent = {**self._headers, **(headers or {})}
        try:
            async with (
                aiohttp.ClientSession(timeout=limits) as session,
                session.request(method, self.url + path, params=query, headers=sent, **_body(body)) as response,
            ):
                return self._read(response.status, response.content_type, await response.read())
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise NoApiError(
                f"no API at {self.url} ({_reason(error)}): start `sendoff up`, or name one with --url"
            ) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnavailableError(f"the API at {self.url} did not answer: {_reason(error)}") from None

    async def call_safely(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None, tries: int = 3
    ) -> Any:
        """Do what `call` does, up to `tries` times while the answer is lost; for a request that may be repeated."""
        for _ in range(tries - 1):
            try:
                return await self.call(method, path, body, headers=headers)
            except UnavailableError:
                await asyncio.sleep(_PAUSE_SECONDS)
        return await self.call(method, path, body, headers=headers)

    def _read(self, status: int, kind: str, body: bytes) -> Any:
        if status == 204:
            return None
        if status < 300 and kind == _LINES:
            return body
        try:
            document = json.loads(body) if kind in _JSON else None
        except ValueError:
            document = None
        if status < 300 and document is not None:
            return document
        if not isinstance(document, dict) or "code" not in document:
            raise NoApiError(f"{self.url} is not a Sendoff API: it answers {status} with {kind}")
        if status == 503:
            raise UnavailableError(f"the API at {self.url} is unavailable: {document.get('detail')}")
        raise SendoffError(_problem(document))


def default_url(settings: HttpSettings) -> str:
    """Where the API of this machine listens by its configuration."""
    return f"http://{reachable_host(settings.host)}:{settings.port}"


def api_client(url: str | None, settings: HttpSettings) -> ApiClient:
    """A client with the key of SENDOFF_API_KEY; for this machine's own API, a configured key will do."""
    key = os.environ.get("SENDOFF_API_KEY") or None
    if key is None and url is None:
        able = sorted(settings.api_keys, key=lambda one: one.customer is not None or Scope.ADMIN not in one.granted)
        key = able[0].secret.get_secret_value() if able else None
    return ApiClient(url or default_url(settings), key)


def configured_api(url: str | None, config: Path | None) -> ApiClient:
    """The API that --url names, or else that of this machine by its configuration."""
    return api_client(url, load_settings(chosen_config(config)).http)


def _body(body: Any) -> dict[str, Any]:
    return {"data": body} if isinstance(body, bytes) else {"json": body}


def _problem(document: Mapping[str, Any]) -> str:
    errors = document.get("errors") or []
    details = "; ".join(f"{error.get('pointer')}: {error.get('detail')}" for error in errors)
    return details or str(document.get("detail") or document["code"])


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno:
        return os.strerror(error.os_error.errno)
    return str(error) or type(error).__name__
