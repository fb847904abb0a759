"""How fast one API process accepts: message by message against a server that stores nothing, and in batches."""

import time

from bench.accounting import Accounting, used
from bench.backlog import insert_due
from bench.children import child, read_line
from bench.installation import Installation, installation
from bench.load import JSON, LINES, Load, batch_request, load, single_request
from bench.series import Figures, Series, beside
from bench.surroundings import Surroundings

_CONNECTIONS = 64
_BATCH_CONNECTIONS = 2
_WARM_UP_SECONDS = 0.3
_BATCHES = {"ndjson": LINES, "json": JSON}


def measure_accept(around: Surroundings) -> Figures:
    """Every accepted message is counted in the database afterwards."""
    with installation(around, "accept") as site:
        process, client = site.api()
        port = int(client.url.rpartition(":")[2])
        figures = {"accept single": _single(site, port, process.popen.pid)}
        for name, content_type in _BATCHES.items():
            figures[f"accept batch {name}"] = _batch(site, port, content_type)
    return figures


def _single(site: Installation, port: int, pid: int) -> dict[str, Series]:
    scale, request = site.around.scale, single_request()
    accounting = Accounting({"api": [pid]})
    with child("bare_server") as server:
        bare_port = int(read_line(server))
        for warm in (bare_port, port):
            load(warm, request, _CONNECTIONS, _WARM_UP_SECONDS)
        stored, bare, loads, cpu = site.stored(), [], [], []
        for _ in range(scale.rounds):
            bare.append(load(bare_port, request, _CONNECTIONS, scale.accept_seconds))
            before = accounting.read()
            loads.append(load(port, request, _CONNECTIONS, scale.accept_seconds))
            cpu.append(used(before, accounting.read())["api"] * 1000 / max(loads[-1].accepted, 1))
        bare.append(load(bare_port, request, _CONNECTIONS, scale.accept_seconds))
    return {
        "rate": Series("msg/s", tuple(one.rate for one in loads), beside([one.rate for one in bare])),
        "p50": Series("ms", tuple(one.p50 for one in loads), beside([one.p50 for one in bare])),
        "p99": Series("ms", tuple(one.p99 for one in loads), beside([one.p99 for one in bare])),
        "cpu api": Series("s/1000", tuple(cpu)),
        **_mistakes(site, stored, loads, 1),
    }


def _batch(site: Installation, port: int, content_type: str) -> dict[str, Series]:
    scale = site.around.scale
    request = batch_request(scale.batch_items, content_type)
    load(port, request, _BATCH_CONNECTIONS, _WARM_UP_SECONDS)
    rates, loads, stored, generated = [_generated_rate(site)], [], site.stored(), 0
    for _ in range(scale.rounds):
        loads.append(load(port, request, _BATCH_CONNECTIONS, scale.accept_seconds))
        rates.append(_generated_rate(site))
        generated += scale.messages
    accepted = tuple(one.rate * scale.batch_items for one in loads)
    return {
        "rate": Series("msg/s", accepted, beside(rates)),
        "p99": Series("ms", tuple(one.p99 for one in loads)),
        **_mistakes(site, stored + generated, loads, scale.batch_items),
    }


def _generated_rate(site: Installation) -> float:
    """Rows per second when PostgreSQL makes the same rows up itself in one statement: nothing gets more in."""
    began = time.perf_counter()
    insert_due(site.db, site.around.scale.messages)
    return site.around.scale.messages / (time.perf_counter() - began)


def _mistakes(site: Installation, stored: int, loads: list[Load], items: int) -> dict[str, Series]:
    accepted = sum(one.accepted for one in loads) * items
    return {
        "lost": Series("", (accepted - (site.stored() - stored),)),
        "refused": Series("", tuple(one.refused for one in loads)),
    }
