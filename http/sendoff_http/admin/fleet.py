"""The fleet: what it should do, who has applied it, and who said so."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_http.admin.pages import ROOT, Pages
from sendoff_http.admin.visit import Visit
from sendoff_http.web.operation import needs
from sendoff_http.web.problems import ProblemError

pages = Pages()

_MAY_COMMAND = needs(Scope.CONTROL, of_fleet=True)
_MOST_DEEDS = 25


@pages.page("/fleet", access=needs(Scope.CONTROL, Scope.READ_MESSAGES, of_fleet=True))
async def show_fleet(visit: Visit) -> web.Response:
    """The instances, the buses and the stopped customers; for who may read it, the audit."""
    audit = None
    if visit.access_table.may_open(visit.caller, "/audit"):
        audit = await visit.read("/v1/audit", query={"limit": _MOST_DEEDS})
    return await visit.page("fleet.html", audit=audit)


@pages.page("/audit", access=needs(Scope.ADMIN))
async def show_audit(visit: Visit) -> web.Response:
    """Who did what, the latest first."""
    asked = {name: visit.request.query.get(name, "") for name in ("actor", "action", "target", "cursor")}
    audit = await visit.read("/v1/audit", query=asked)
    return await visit.page("audit.html", audit=audit, asked=asked)


@pages.form("/fleet/start", access=_MAY_COMMAND)
async def start_fleet(visit: Visit) -> web.Response:
    """Start the whole fleet."""
    return await _command(visit, "start", "The fleet is started")


@pages.form("/fleet/stop", access=_MAY_COMMAND)
async def stop_fleet(visit: Visit) -> web.Response:
    """Stop the whole fleet."""
    return await _command(visit, "stop", "The fleet is stopped")


async def _command(visit: Visit, action: str, done: str) -> web.Response:
    reason = visit.form.get("reason", "").strip()
    back = f"{ROOT}/" if visit.form.get("back") == "/" else f"{ROOT}/fleet"
    document = {"reason": reason} if reason else {}
    try:
        reply = await visit.call("POST", f"/v1/scheduler/{action}", query={"wait": "2s"}, document=document)
    except ProblemError as problem:
        return visit.go_back(problem, back)
    answer = reply.document
    said = "everywhere" if answer["converged"] else "decided; not every process has confirmed it yet"
    return visit.redirect(back, f"{done}: {said} (revision {answer['revision']}).")
