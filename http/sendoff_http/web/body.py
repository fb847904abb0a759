"""Reads what a request brings: its body, of the right type, within its limit, JSON, and what the model allows.

And its Idempotency-Key, of whatever may be sent twice and done once.
"""

import asyncio
from typing import Any, Final, TypeVar

from aiohttp import web
from aiohttp.hdrs import CONTENT_ENCODING, CONTENT_TYPE
from aiohttp.http_exceptions import HttpProcessingError
from multidict import istr
from pydantic import BaseModel

from sendoff_domain.strict_json import NotJsonError, parse_json
from sendoff_domain.validation_errors import FieldError
from sendoff_http.web.content_coding import Decoder, make_decoder
from sendoff_http.web.keys import BODY
from sendoff_http.web.problems import ClientGoneError, ProblemError, invalid
from sendoff_http.web.validation import validate
from sendoff_intake.submission_reader import KEY_FORM, KEY_HEADER, MESSAGE_LIMIT, match_idempotency_key

Model = TypeVar("Model", bound=BaseModel)

JSON = "application/json"
LINES = "application/x-ndjson"
BODY_LIMIT = MESSAGE_LIMIT
#: As istr, because a name that is a plain str is folded anew for each request.
_KEY = istr(KEY_HEADER)
REPLAYED_HEADER: Final = "Idempotency-Replayed"
#: A body may take so long, and longer for what of it has come: at least that fast it must arrive.
_BODY_SECONDS = 15.0
_BODY_BYTES_PER_SECOND = 512 * 1024
#: What reading a body raises when the client is gone, or does not frame it as HTTP says.
_UNREADABLE = (OSError, web.RequestPayloadError, HttpProcessingError)


def idempotency_key(request: web.Request) -> str | None:
    """The request's idempotency key, if it has one; raises ProblemError 422 for a header that is none."""
    key = request.headers.get(_KEY)
    if key is not None and not match_idempotency_key(key):
        raise invalid([FieldError(KEY_HEADER, f"expected {KEY_FORM}")])
    return key


async def read_json(request: web.Request, limit: int = BODY_LIMIT) -> Any:
    """The JSON value of the body; raises ProblemError 415, 413 or 400."""
    require_type(request, (JSON,))
    return parse_body(await read_kept_bytes(request, limit))


async def read_model(request: web.Request, model: type[Model]) -> Model:
    """The body as a model; raises ProblemError 415, 413, 400 or 422."""
    return validate(model, await read_json(request))


async def read_optional_model(request: web.Request, model: type[Model]) -> Model:
    """The body as a model, of whose fields none is needed; no body means every default. Raises as `read_model` does."""
    if not request.body_exists or request.content_length == 0:
        return validate(model, {})
    return await read_model(request, model)


def require_type(request: web.Request, known: tuple[str, ...]) -> str:
    """The media type of the body, one of `known`; raises ProblemError 415."""
    given = request.headers.get(CONTENT_TYPE, "")
    if given in known:  # nearly always, and then nothing has to be taken apart
        return given
    found = request.content_type
    charsets = _charsets(given)
    once = len(request.headers.getall(CONTENT_TYPE, ())) == 1
    if not once or found not in known or charsets not in ([], ["utf-8"], ["utf8"]):
        expected = " or ".join(known)
        raise ProblemError(
            415,
            "unsupported_media_type",
            f"expected Content-Type {expected}, got {given[:80] or 'none'!r}",
            headers={"Accept-Post": ", ".join(known)},
        )
    return found


def _charsets(content_type: str) -> list[str]:
    parameters = [part.partition("=") for part in content_type.split(";")[1:]]
    return [value.strip().strip('"').lower() for name, _, value in parameters if name.strip().lower() == "charset"]


async def read_kept_bytes(request: web.Request, limit: int) -> bytes:
    """The whole body as `read_bytes` reads it; a handler that is run again after an outage gets it again."""
    body = request[BODY] = await read_bytes(request, limit)
    return body


async def read_bytes(request: web.Request, limit: int) -> bytes:
    """The whole body, also if it was kept; raises ProblemError 413 once it is known to be longer than `limit` bytes."""
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    kept: bytes | None = request.get(BODY)
    if kept is not None:
        return kept
    decoder = make_decoder(request) if CONTENT_ENCODING in request.headers else None
    if decoder is None and request.content.is_eof():  # a short body has come with its head: no need to wait
        return _read_whole(request, limit)
    try:
        async with asyncio.timeout(_BODY_SECONDS) as patience:
            return await _read_parts(request, limit, decoder, patience)
    except TimeoutError:
        raise ProblemError(408, "request_timeout", "the body came too slowly") from None


async def _read_parts(request: web.Request, limit: int, decoder: Decoder | None, patience: asyncio.Timeout) -> bytes:
    """The body, counted while it arrives: neither a chunked nor a compressed one tells its length beforehand."""
    parts: list[bytes] = []
    size = received = 0
    deadline = patience.when() or 0.0
    while not request.content.at_eof():
        part = await _read_part(request)
        received += len(part)
        patience.reschedule(deadline + received / _BODY_BYTES_PER_SECOND)
        for decoded in (part,) if decoder is None else decoder.decode(part):
            size += len(decoded)
            if size > limit:
                raise _too_large(limit)
            parts.append(decoded)
            if decoder is not None:
                await asyncio.sleep(0)  # a small part may unpack to all that the limit allows
    if decoder is not None:
        decoder.finish()
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _read_whole(request: web.Request, limit: int) -> bytes:
    try:
        body = request.content.read_nowait()
    except _UNREADABLE as error:
        raise _unreadable(error) from None
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def _read_part(request: web.Request) -> bytes:
    try:
        return await request.content.readany()
    except _UNREADABLE as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> Exception:
    if isinstance(error, OSError):  # every kind of it: a reset, a time-out, a broken pipe
        return ClientGoneError("the client went away before its request was whole")
    return ProblemError(400, "malformed_request", "the body is not framed as HTTP says")


def parse_body(body: bytes) -> Any:
    """The value of a JSON body; raises ProblemError 400."""
    try:
        return parse_json(body)
    except NotJsonError as error:
        raise ProblemError(400, "not_json", f"the body is not valid JSON: {error}") from None


def _too_large(limit: int) -> ProblemError:
    return ProblemError(413, "body_too_large", f"the body has more than {limit} bytes")
