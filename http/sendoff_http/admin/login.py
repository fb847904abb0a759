"""Log in with an API key, and out again."""

from aiohttp import web

from sendoff_http.admin.entrance import SESSION_COOKIE, cookie_setter
from sendoff_http.admin.notices import Notice
from sendoff_http.admin.pages import ROOT, Pages
from sendoff_http.admin.sessions import SESSION_SECONDS, SESSIONS
from sendoff_http.admin.visit import Visit
from sendoff_http.web.authentication import AUTHENTICATION
from sendoff_http.web.operation import OPEN

pages = Pages()


@pages.page("/login", access=OPEN)
async def show_login(visit: Visit) -> web.Response:
    """Ask for an API key."""
    return await visit.page("login.html", next=_next(visit.request.query.get("next", "")), wrong=False)


@pages.form("/login", access=OPEN)
async def log_in(visit: Visit) -> web.Response:
    """Open a session for the key, whose secret is not kept."""
    app, secret, after = visit.request.app, visit.form.get("secret", "").strip(), _next(visit.form.get("next", ""))
    caller = await app[AUTHENTICATION].find(app, secret) if secret else None
    if caller is None:
        return await visit.page("login.html", status=403, next=after, wrong=True)
    response = visit.redirect(after)
    set_cookie = cookie_setter(visit.request, response)
    set_cookie(SESSION_COOKIE, await app[SESSIONS].open(secret, caller), SESSION_SECONDS)
    return response


@pages.form("/logout", access=OPEN)
async def log_out(visit: Visit) -> web.Response:
    """Forget the session in this browser."""
    response = visit.redirect(f"{ROOT}/login", Notice("You are logged out."))
    response.del_cookie(SESSION_COOKIE, path=ROOT)
    return response


def _next(path: str) -> str:
    """Where to go after the log-in: a page of the admin, whatever a link says."""
    is_ours = path.startswith(f"{ROOT}/") and "\\" not in path and not path.startswith(f"{ROOT}/login")
    return path if is_ours and path.isprintable() else f"{ROOT}/"
