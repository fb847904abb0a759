"""How long each admin page takes over full tables, and what it costs the API process and PostgreSQL."""

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.accounting import Accounting, server_groups, used
from bench.installation import Installation, installation
from bench.series import Figures, Series, one, percentile
from bench.stock import fill_day
from bench.surroundings import Surroundings
from support.admin_client import ADMIN_KEYS, AdminClient, visiting
from support.client import Client

#: Pages take turns, so that a minute in which the machine is busy does not meet one of them alone.
_TURNS = 10
#: What needs no query and no template: what the client, the connection and the server take of each figure.
_BARE = "a static file"
_find_static_file = re.compile(r'href="(/admin/static/[^"]+\.css)"').search


@dataclass(frozen=True, slots=True)
class Visits:
    """The visits of one page: how long each took (ms), and the CPU seconds of each group for all of them."""

    took: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)

    def cost(self, group: str) -> Series:
        """CPU milliseconds of one visit."""
        return one("ms", self.cpu[group] * 1000 / len(self.took))


def measure_admin(around: Surroundings) -> Figures:
    """A day of many customers, a stopped fleet whose backlog is late, a held job of all dead letters, one visitor."""
    scale = around.scale
    with installation(around, "admin") as site:
        fill_day(site, scale.day_messages, scale.day_customers)
        site.workers(processes=1)
        process, client = site.api(json.dumps(ADMIN_KEYS[:1]))
        admin = Client(client.url, {"X-API-Key": ADMIN_KEYS[0]["secret"]})
        accounting = Accounting({"api": [process.popen.pid], "postgres": server_groups()["postgres"]})
        visits = asyncio.run(_visit(site, admin, _pages(site, admin), accounting))
    bare = visits[_BARE]
    return {
        "admin p50": {name: Series("ms", tuple(page.took)) for name, page in visits.items()},
        "admin p99": {
            name: one("ms", percentile(page.took, 0.99), percentile(bare.took, 0.99)) for name, page in visits.items()
        },
        "admin cpu api": {name: page.cost("api") for name, page in visits.items()},
        "admin cpu postgres": {name: page.cost("postgres") for name, page in visits.items()},
    }


def _pages(site: Installation, admin: Client) -> Mapping[str, str]:
    sent, dead, customer = _examples(site)
    job = admin.call("POST", "/v1/dead-letters/resend", {"all": True, "hold": True})
    assert job.status == 202, job
    return {
        "overview": "/admin/",
        "overview, live part": "/admin/live",
        "messages": "/admin/messages",
        "messages, sent": "/admin/messages?status=sent",
        "messages of a customer": f"/admin/messages?customer={customer}",
        "messages to nobody": "/admin/messages?q=nobody",
        "messages, no metadata": "/admin/messages?metadata=orderId%3D4711",
        "message, sent": f"/admin/messages/{sent}",
        "message, dead": f"/admin/messages/{dead}",
        "message, new": "/admin/messages/new",
        "dead letters": "/admin/dead-letters",
        "dead letters of a customer": f"/admin/dead-letters?customer={customer}",
        "dead letters to nobody": "/admin/dead-letters?to=nobody",
        "retries": "/admin/retries",
        "jobs": "/admin/jobs",
        "job": f"/admin/jobs/{job.body['id']}",
        "customers": "/admin/customers",
        "customer": f"/admin/customers/{customer}",
        "customer, edit": f"/admin/customers/{customer}/edit",
        "fleet": "/admin/fleet",
        "audit": "/admin/audit",
    }


def _examples(site: Installation) -> tuple[str, str, str]:
    """A sent message, a dead one, and a customer."""
    ((sent, dead, customer),) = site.db.execute(
        b"SELECT 'msg_' || replace((SELECT message_id FROM deliveries LIMIT 1)::text, '-', ''),"
        b" 'msg_' || replace(message_id::text, '-', ''), customer_id FROM dead_letters LIMIT 1"
    ).fetchall()
    return sent, dead, customer


async def _visit(
    site: Installation, admin: Client, pages: Mapping[str, str], accounting: Accounting
) -> dict[str, Visits]:
    """Log in with a key of the database, as people do, and open every page again and again."""
    key = admin.call("POST", "/v1/keys", {"name": "jane", "role": "admin"})
    assert key.status == 201, key
    async with visiting(admin.url) as visitor:
        static = _find_static_file((await visitor.open("/admin/login")).text)
        assert static is not None
        assert (await visitor.send("/admin/login", secret=key.body["secret"])).status == 200
        visits = {name: Visits() for name in (*pages, _BARE)}
        each = -(-site.around.scale.page_visits // _TURNS)
        for _ in range(_TURNS):
            for name, path in {**pages, _BARE: static[1]}.items():
                await _open(visitor, path, each, accounting, visits[name])
    return visits


async def _open(visitor: AdminClient, path: str, times: int, accounting: Accounting, visits: Visits) -> None:
    before = accounting.read()
    for _ in range(times):
        visits.took.append(await _milliseconds(visitor, path))
    for group, seconds in used(before, accounting.read()).items():
        visits.cpu[group] = visits.cpu.get(group, 0.0) + seconds


async def _milliseconds(visitor: AdminClient, path: str) -> float:
    """From the request to the last byte of the page."""
    began = time.perf_counter()
    async with visitor.session.get(visitor.url + path, allow_redirects=False) as response:
        await response.read()
    took = (time.perf_counter() - began) * 1000
    assert response.status == 200, (path, response.status)
    return took
