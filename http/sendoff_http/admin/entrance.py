"""Lets people in: finds out who is at the browser, refuses what they may not do, and reads their forms."""

import hmac
import secrets
from collections.abc import Callable
from urllib.parse import parse_qsl, quote

from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import MultiDict, MultiDictProxy

from sendoff_domain.access import ANONYMOUS_OPERATOR, Caller
from sendoff_http.admin.access_table import AccessTable
from sendoff_http.admin.notices import read_notice
from sendoff_http.admin.pages import ROOT, Page
from sendoff_http.admin.session_cookie import form_token
from sendoff_http.admin.sessions import SESSIONS
from sendoff_http.admin.visit import Visit
from sendoff_http.web.authentication import AUTHENTICATION
from sendoff_http.web.body import read_kept_bytes, require_type
from sendoff_http.web.problems import ProblemError
from sendoff_http.web.sites import SITES

SESSION_COOKIE, VISITOR_COOKIE, NOTICE_COOKIE = "sendoff_session", "sendoff_visitor", "sendoff_notice"
_FORM = "application/x-www-form-urlencoded"
_FORM_BYTES = 256 * 1024
_MOST_FIELDS = 2_000
#: Whom the pages see that are open to everybody, before anybody has logged in.
NOBODY = Caller("", frozenset())


def make_handler(page: Page, access_table: AccessTable) -> Handler:
    """What serves a page or a form to those who may have it."""

    async def serve(request: web.Request) -> web.StreamResponse:
        caller, has_session = await _find_caller(request)
        if caller is None and not page.is_open:
            return web.Response(status=303, headers={"Location": _login_address(request)})
        visitor = request.cookies.get(VISITOR_COOKIE) or secrets.token_urlsafe(16)
        caller = caller or NOBODY
        signing_key = await request.app[SESSIONS].signing_key()
        if not page.is_open:
            request.app[AUTHENTICATION].admit_as(request, caller, page.access)
            request.app[SITES].require_own_name(request)
        visit = Visit(
            request=request,
            caller=caller,
            access_table=access_table,
            token=form_token(signing_key, visitor, caller.id),
            has_session=has_session,
            notice=read_notice(signing_key, request.cookies.get(NOTICE_COOKIE, "")),
        )
        if page.method == "POST":
            visit.form = await _read_form(request, visit.token)
        response = await page.handler(visit)
        _set_cookies(visit, response, visitor, signing_key)
        return response

    return serve


async def _find_caller(request: web.Request) -> tuple[Caller | None, bool]:
    """Who is at the browser, and whether by a session; without one they are operators where no key is needed."""
    cookie = request.cookies.get(SESSION_COOKIE)
    caller = None if cookie is None else await request.app[SESSIONS].caller_of(cookie)
    if caller is not None:
        return caller, True
    return None if request.app[AUTHENTICATION].needs_key else ANONYMOUS_OPERATOR, False


def _login_address(request: web.Request) -> str:
    """Where to log in, and to go on from there to the page that was asked for."""
    if request.method == "POST":
        return f"{ROOT}/login"
    return f"{ROOT}/login?next={quote(request.rel_url.raw_path_qs, safe='/')}"


async def _read_form(request: web.Request, token: str) -> MultiDictProxy[str]:
    require_type(request, (_FORM,))
    body = await read_kept_bytes(request, _FORM_BYTES)
    try:
        text = body.decode()
        fields = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise ProblemError(400, "malformed_form", "the form can't be read") from None
    form = MultiDictProxy(MultiDict(fields))
    if not hmac.compare_digest(form.get("token", "").encode(), token.encode()):
        raise ProblemError(403, "stale_form", "this form is not from this session: open the page again, and repeat it")
    return form


def _set_cookies(visit: Visit, response: web.StreamResponse, visitor: str, signing_key: bytes) -> None:
    set_cookie = cookie_setter(visit.request, response)
    if visit.request.cookies.get(VISITOR_COOKIE) != visitor:
        set_cookie(VISITOR_COOKIE, visitor, None)
    if visit.said is not None:
        set_cookie(NOTICE_COOKIE, visit.said.seal(signing_key), 60)
    elif visit.notice is not None:
        response.del_cookie(NOTICE_COOKIE, path=ROOT)


def cookie_setter(request: web.Request, response: web.StreamResponse) -> Callable[[str, str, int | None], None]:
    """A function that sets a cookie (name, value, seconds) which scripts and pages of other sites never get."""
    is_secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"

    def set_cookie(name: str, value: str, seconds: int | None) -> None:
        response.set_cookie(name, value, max_age=seconds, path=ROOT, httponly=True, samesite="Lax", secure=is_secure)

    return set_cookie
