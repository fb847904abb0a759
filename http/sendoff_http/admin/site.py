"""The composition root of the admin pages: it knows each of them, and makes them reachable."""

from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.typedefs import Handler

from sendoff_http.admin.access_table import AccessTable
from sendoff_http.admin.customers import pages as customers
from sendoff_http.admin.dead_letters import pages as dead_letters
from sendoff_http.admin.entrance import make_handler
from sendoff_http.admin.fleet import pages as fleet
from sendoff_http.admin.jobs import pages as jobs
from sendoff_http.admin.login import pages as login
from sendoff_http.admin.message import pages as message
from sendoff_http.admin.messages import pages as messages
from sendoff_http.admin.overview import pages as overview
from sendoff_http.admin.pages import ROOT, Page
from sendoff_http.admin.rendering import RENDERING, Rendering, StaticFile, read_static_files
from sendoff_http.admin.retries import pages as retries
from sendoff_http.admin.samples import hold_samples
from sendoff_http.admin.sessions import SESSIONS, Sessions
from sendoff_http.web.keys import POOL, REQUEST_ID, SETTINGS
from sendoff_http.web.operation import ACCESS, OPEN
from sendoff_http.web.problems import PROBLEM_PAGES, ProblemError, ProblemPage

PAGES: list[Page] = [
    *login,
    *overview,
    *messages,
    *message,
    *dead_letters,
    *retries,
    *jobs,
    *customers,
    *fleet,
]


def mount_admin(app: web.Application) -> None:
    """Make the pages reachable; who may open which is decided at each of them."""
    static = read_static_files(ROOT)
    app[RENDERING] = Rendering(static)
    shown: dict[str, ProblemPage] = {f"{ROOT}/": show_problem}
    app[PROBLEM_PAGES] = shown
    access_table = AccessTable({(page.method, page.path): page.access for page in PAGES})
    for page in PAGES:
        _mount(app, page.method, ROOT + page.path, make_handler(page, access_table))
    for file in static.values():
        _mount(app, "GET", file.path, _serve(file))
    _mount(app, "GET", ROOT, _redirect)
    _mount(app, "GET", ROOT + "/{rest:.*}", _nothing)
    app.cleanup_ctx.extend((hold_sessions, hold_samples))


async def hold_sessions(app: web.Application) -> AsyncIterator[None]:
    """Know the sessions as long as the application runs."""
    app[SESSIONS] = Sessions(app[POOL], app[SETTINGS].http.callers)
    yield


def show_problem(request: web.Request, problem: ProblemError) -> web.Response:
    """The page that says what went wrong."""
    values = {"request_id": request[REQUEST_ID], "problem": problem}
    response = request.app[RENDERING].page("problem.html", values, problem.status)
    response.headers.update({name: value for name, value in problem.headers.items() if name != "WWW-Authenticate"})
    return response


def _mount(app: web.Application, method: str, path: str, handler: Handler) -> None:
    app[ACCESS][handler] = OPEN  # a session lets people in, not a key in a header
    if method == "GET":
        app.router.add_get(path, handler)
    else:
        app.router.add_route(method, path, handler)


def _serve(file: StaticFile) -> Handler:
    async def serve(_: web.Request) -> web.Response:
        return file.response()

    return serve


async def _nothing(_: web.Request) -> web.Response:
    raise ProblemError(404, "not_found", "there is no page at this address")


async def _redirect(_: web.Request) -> web.Response:
    return web.Response(status=308, headers={"Location": f"{ROOT}/"})
