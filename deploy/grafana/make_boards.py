"""Makes the boards for Grafana from the tables below: python deploy/grafana/make_boards.py.

A test holds the files to this table, and another one asks a Prometheus with a running fleet every one of its queries.
What is counted by a process is added up; what the fleet knows is alike at every instance, so the largest is taken.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DELIVERED, FAILED = '{outcome="delivered"}', '{outcome!="delivered"}'
BOARDS = Path(__file__).parent / "boards"
_RATE = "[$__rate_interval]"
_HALF, _THIRD, _SIXTH = 12, 8, 4
_SOURCE = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True)
class Panel:
    """One picture: `queries` are pairs of an expression and the name of its lines; `width` is of 24."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    width: int = _HALF
    kind: str = "timeseries"
    about: str = ""


def number(title: str, query: str, unit: str = "short", about: str = "") -> Panel:
    """A panel that shows the newest value as a number."""
    return Panel(title, unit, ((query, ""),), _SIXTH, "stat", about)


def lines(title: str, unit: str, *queries: tuple[str, str], about: str = "") -> Panel:
    """A panel of lines over time."""
    return Panel(title, unit, queries, about=about)


def quantiles(name: str, *, by: str = "") -> tuple[tuple[str, str], ...]:
    """The median and the 99th percentile of a histogram."""
    labels = f"le, {by}" if by else "le"
    suffix = f" {{{{{by}}}}}" if by else ""
    return tuple(
        (f"histogram_quantile({share}, sum by ({labels}) (rate({name}_bucket{_RATE})))", f"p{share * 100:g}{suffix}")
        for share in (0.5, 0.99)
    )


def rate(name: str, by: str = "", where: str = "") -> str:
    """How often a second, over all processes and instances."""
    return f"sum{f' by ({by})' if by else ''} (rate({name}{where}{_RATE}))"


TABLE: dict[str, tuple[Panel, ...]] = {
    "Overview": (
        number("Sending", "max(sendoff_scheduler_running)", "bool_on_off"),
        number("Delivered a second", rate("sendoff_attempts_total", where=DELIVERED), "ops"),
        number("Due", "max(sendoff_due_messages)", about="due and not claimed; counted up to 100,000"),
        number("Oldest due", "max(sendoff_oldest_due_seconds)", "s"),
        number("Retrying", "max(sendoff_retrying_messages)"),
        number("Dead letters", "max(sendoff_kept_dead_letters)"),
        lines(
            "Accepted, claimed, delivered",
            "ops",
            (rate("sendoff_accepted_messages_total"), "accepted"),
            (rate("sendoff_claimed_messages_total"), "claimed"),
            (rate("sendoff_attempts_total", where=DELIVERED), "delivered"),
        ),
        lines(
            "Lateness",
            "s",
            *quantiles("sendoff_lateness_seconds"),
            about="from when a message was due to its request; a stop, a pause, a breaker or a rate makes it late",
        ),
        lines("Attempts by outcome", "ops", (rate("sendoff_attempts_total", "outcome"), "{{outcome}}")),
        lines("Webhooks' answers", "s", *quantiles("sendoff_webhook_duration_seconds")),
        lines(
            "Waiting",
            "short",
            ("max(sendoff_due_messages)", "due"),
            ("max(sendoff_sending_messages)", "claimed"),
            ("max(sendoff_retrying_messages)", "retrying"),
        ),
        lines("New dead letters", "ops", (rate("sendoff_dead_letters_total", "reason"), "{{reason}}")),
        lines(
            "Ingest: waiting in the stream",
            "short",
            ("max(sendoff_ingest_waiting_messages)", "waiting"),
            ("max(sendoff_ingest_taken_messages)", "taken"),
        ),
        lines("Ingest: the oldest", "s", ("max(sendoff_ingest_oldest_seconds)", "oldest")),
    ),
    "Customers": (
        number("Open breakers", "max(sendoff_open_breakers)"),
        number("Open for", "max(sendoff_oldest_open_breaker_seconds)", "s"),
        number("Paused", "max(sendoff_paused_customers)"),
        lines(
            "Delivered",
            "ops",
            (f"topk(10, {rate('sendoff_attempts_total', 'customer', DELIVERED)})", "{{customer}}"),
        ),
        lines(
            "Accepted",
            "ops",
            (f"topk(10, {rate('sendoff_accepted_messages_total', 'customer')})", "{{customer}}"),
        ),
        lines(
            "Failed attempts",
            "ops",
            (f"topk(10, {rate('sendoff_attempts_total', 'customer', FAILED)})", "{{customer}}"),
        ),
        lines(
            "Dead letters",
            "ops",
            (f"topk(10, {rate('sendoff_customer_dead_letters_total', 'customer')})", "{{customer}}"),
        ),
        Panel(
            "Breakers that are open",
            "short",
            (("max by (customer) (sendoff_breaker_open)", "{{customer}}"),),
            _THIRD,
            "bargauge",
        ),
        Panel(
            "Paused customers",
            "short",
            (("max by (customer) (sendoff_customer_paused)", "{{customer}}"),),
            _THIRD,
            "bargauge",
        ),
        lines("Refused: backlog full", "ops", (rate("sendoff_refused_messages_total"), "refused")),
    ),
    "Fleet": (
        number("Instances that answer", 'sum(up{job="sendoff"})'),
        number("Workers", 'max(sendoff_processes{role="worker"})'),
        number("Not converged", "max(sendoff_unconverged_processes)"),
        number("Revision", "max(sendoff_control_revision)"),
        number("Epoch", "max(sendoff_control_epoch)"),
        number("No worker gets on", "max(sendoff_standstill)", "bool_yes_no"),
        lines("Processes", "short", ("max by (role) (sendoff_processes)", "{{role}}")),
        lines("Versions", "short", ("count by (version) (sendoff_process_info)", "{{version}}")),
        lines(
            "Slots",
            "short",
            ("sum(sendoff_requests_in_flight)", "in flight"),
            ("sum(sendoff_slots)", "slots"),
            ("sum(sendoff_held_messages)", "held"),
        ),
        lines(
            "Lost and avoided",
            "ops",
            (rate("sendoff_expired_leases_total"), "leases that ran out"),
            (rate("sendoff_duplicates_avoided_total"), "duplicates avoided"),
        ),
        lines("Requests to the API", "ops", (rate("sendoff_http_requests_total", "status"), "{{status}}")),
        lines("Answers of the API", "s", *quantiles("sendoff_http_request_seconds")),
        lines("Jobs", "short", ("sum by (state) (max by (kind, state) (sendoff_jobs))", "{{state}}")),
    ),
    "Servers": (
        number("PostgreSQL", "max(sendoff_database_up)", "bool_on_off"),
        number("Partitions ahead", "min(sendoff_partitions_ahead_seconds)", "s"),
        number("Ingest stream", "max(sendoff_ingest_stream_bytes)", "bytes"),
        lines(
            "Connections to PostgreSQL",
            "short",
            ("sum by (process) (sendoff_pool_size - sendoff_pool_available)", "{{process}} in use"),
            ("sum by (process) (sendoff_pool_waiting)", "{{process}} waiting"),
        ),
        lines(
            "Waits for a connection",
            "s",
            (rate("sendoff_pool_wait_seconds_total", "process"), "{{process}}"),
            about="seconds of waiting in a second",
        ),
        lines(
            "Pools in trouble",
            "ops",
            (rate("sendoff_pool_errors_total"), "none in time"),
            (rate("sendoff_pool_connections_lost_total"), "lost"),
            (rate("sendoff_pool_queued_total"), "waited for"),
        ),
        lines("Event loops", "s", *quantiles("sendoff_event_loop_delay_seconds", by="process")),
        lines(
            "CPU", "percentunit", (rate("process_cpu_seconds_total", "instance, process"), "{{instance}} {{process}}")
        ),
        lines(
            "Memory",
            "bytes",
            ("sum by (instance, process) (process_resident_memory_bytes)", "{{instance}} {{process}}"),
        ),
        lines("Open files", "short", ("sum by (instance, process) (process_open_fds)", "{{instance}} {{process}}")),
        lines("Partitions", "s", ("min by (table) (sendoff_partitions_ahead_seconds)", "{{table}}")),
    ),
}


def make_board(title: str, panels: tuple[Panel, ...]) -> dict[str, Any]:
    """A board as Grafana reads it."""
    name = title.lower()
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return {
        "uid": f"sendoff-{name}",
        "title": f"Sendoff {name}",
        "tags": ["sendoff"],
        "schemaVersion": 39,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [source]},
        "links": [{"title": "Sendoff", "type": "dashboards", "tags": ["sendoff"], "asDropdown": True}],
        "panels": list(_placed(panels)),
    }


def _placed(panels: tuple[Panel, ...]) -> Iterator[dict[str, Any]]:
    x = y = tallest = 0
    for number_of, panel in enumerate(panels, 1):
        height = 4 if panel.kind == "stat" else 8
        if x + panel.width > 24:
            x, y, tallest = 0, y + tallest, 0
        yield _panel(panel, number_of, {"x": x, "y": y, "w": panel.width, "h": height})
        x, tallest = x + panel.width, max(tallest, height)


def _panel(panel: Panel, number_of: int, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + index), "datasource": _SOURCE, "expr": query, "legendFormat": legend or "__auto"}
        for index, (query, legend) in enumerate(panel.queries)
    ]
    return {
        "id": number_of,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }


def written(title: str, panels: tuple[Panel, ...]) -> str:
    """The text of a board's file."""
    return json.dumps(make_board(title, panels), indent=2) + "\n"


if __name__ == "__main__":
    for title_of, panels_of in TABLE.items():
        (BOARDS / f"{title_of.lower()}.json").write_text(written(title_of, panels_of), encoding="utf-8")
