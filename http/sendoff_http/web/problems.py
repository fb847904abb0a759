"""Every error leaves as an RFC 9457 problem document; nothing internal leaks through one."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

import msgspec
import psycopg
import structlog
from aiohttp import web

from sendoff_db.failures import describe, is_outage
from sendoff_domain.errors import SendoffError, UnavailableError
from sendoff_domain.validation_errors import FieldError, summarize
from sendoff_http.web.keys import REQUEST_ID
from sendoff_webhooks.client.shortage import is_shortage

CONTENT_TYPE = "application/problem+json"
#: What the log and the counts say of a client that went away before its response.
CLIENT_GONE = 499
#: What a client is asked to wait when a server behind us does not answer.
_RETRY_AFTER_SECONDS = "1"
_log = structlog.get_logger("sendoff.http")


class ProblemError(SendoffError):
    """A request cannot be served; `code` is stable, `extra` holds members beside those of RFC 9457."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


#: Turns a problem below that path into a page for people; the rest are documents.
ProblemPage = Callable[[web.Request, ProblemError], web.Response]
PROBLEM_PAGES: web.AppKey[dict[str, ProblemPage]] = web.AppKey("problem_pages")


class ClientGoneError(SendoffError):
    """The client closed the connection before its request was whole."""


def invalid(errors: Sequence[FieldError]) -> ProblemError:
    """The problem (422) of what can be read but is not allowed; `errors` has at least one."""
    return ProblemError(422, "invalid", summarize(errors), errors=errors)


def no_such_message(text: str, *, still_in_stream: int | None = None) -> ProblemError:
    """The problem (404) of a message id that no message has, or that is no id at all.

    It names the messages that are still in the stream of the ingest, and get their ids when they are stored.
    """
    detail = f"there is no message {text[:80]!r}"
    if still_in_stream:
        waits = "message waits" if still_in_stream == 1 else "messages wait"
        detail += f"; {still_in_stream} {waits} in the stream of the ingest, to be stored and get an id"
    return ProblemError(404, "message_not_found", detail)


def no_such_customer(text: str) -> ProblemError:
    """The problem (404) of a customer id that no customer has."""
    return ProblemError(404, "customer_not_found", f"there is no customer {text[:80]!r}")


def no_such_key(text: str) -> ProblemError:
    """The problem (404) of an id that no API key has."""
    return ProblemError(404, "key_not_found", f"there is no API key {text[:80]!r}")


def no_such_job(text: str) -> ProblemError:
    """The problem (404) of an id that no job has."""
    return ProblemError(404, "job_not_found", f"there is no job {text[:80]!r}")


def overloaded(detail: str) -> ProblemError:
    """The problem (503) of too much at once, or of a server behind us that is away; the request may be sent again."""
    return ProblemError(503, "unavailable", detail, headers={"Retry-After": _RETRY_AFTER_SECONDS})


def error_response(request: web.BaseRequest, error: Exception) -> web.Response:
    """The response for an error that a handler raised; one that is unexpected is logged with its traceback."""
    if isinstance(error, ProblemError):
        return problem_response(request, error)
    if isinstance(error, web.HTTPException):
        return problem_response(request, _from_aiohttp(error))
    if isinstance(error, ClientGoneError):
        return web.Response(status=CLIENT_GONE)  # for the log alone
    if isinstance(error, UnavailableError):
        return problem_response(request, overloaded(str(error)))
    if isinstance(error, psycopg.Error | TimeoutError) and is_outage(error):
        _log.warning("a server is unavailable", error=describe(error))
        return problem_response(request, overloaded("a server that is needed does not answer; try again"))
    if is_shortage(error):
        _log.warning("short of open files, ports or memory", error=str(error))
        return problem_response(request, overloaded("this process has too few open files, ports or memory; try again"))
    # The client gets no traceback, the log does.
    _log.error("a request failed", request_id=request[REQUEST_ID], traceback="".join(traceback.format_exception(error)))
    return problem_response(request, ProblemError(500, "internal_error", "something went wrong on our side"))


def problem_response(request: web.BaseRequest, problem: ProblemError) -> web.Response:
    """The response for one problem, with its headers."""
    show = _problem_page(request)
    if show is not None:
        return show(problem)
    document: dict[str, Any] = {
        "type": f"urn:sendoff:problem:{problem.code}",
        "title": problem.code.replace("_", " ").capitalize(),
        "status": problem.status,
        "detail": problem.detail,
        "instance": request.path,
        "code": problem.code,
        "requestId": request[REQUEST_ID],
        **problem.extra,
    }
    if problem.errors:
        document["errors"] = [error.document() for error in problem.errors]
    response = web.Response(
        body=msgspec.json.encode(document), status=problem.status, content_type=CONTENT_TYPE, headers=problem.headers
    )
    if problem.status == 408:  # nobody knows what comes next on this connection
        response.force_close()
    return response


def _problem_page(request: web.BaseRequest) -> Callable[[ProblemError], web.Response] | None:
    """What shows a problem to a person, if the request is for a page."""
    if not isinstance(request, web.Request) or request._match_info is None:
        return None  # a head that could not be read: nobody knows what it was for
    for folder, show in request.app.get(PROBLEM_PAGES, {}).items():
        if request.path.startswith(folder):
            return partial(show, request)
    return None


def _from_aiohttp(error: web.HTTPException) -> ProblemError:
    code = "body_too_large" if error.status == 413 else HTTPStatus(error.status).name.lower()
    detail = HTTPStatus(error.status).description or error.reason
    if isinstance(error, web.HTTPMethodNotAllowed):
        detail = f"expected one of {', '.join(sorted(error.allowed_methods))}, got {error.method}"
    kept = {name: value for name, value in error.headers.items() if name.lower() != "content-type"}
    return ProblemError(error.status, code, detail, headers=kept)
