"""The fleet and the results of commands as a person reads them."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

_COLOURS = {"running": "green", "stopped": "yellow", "up": "green", "down": "red"}


def fleet_table(fleet: Mapping[str, Any]) -> RenderableType:
    """The document of `GET /v1/scheduler`."""
    table = Table(box=None, pad_edge=False)
    for title in ("instance", "host", "version", "processes", "does", "revision", "in flight", "buses"):
        table.add_column(title)
    for one in fleet["instances"]:
        table.add_row(
            one["instance"],
            one["host"],
            one["version"],
            str(one["processes"]),
            _coloured(one["actual"]),
            str(one["revision"]),
            str(one["inFlight"]),
            _trouble(one["buses"]),
        )
    parts: list[RenderableType] = [_headline(fleet)]
    parts += [Text(f"customer {one['scope']} is stopped", "yellow") for one in fleet["scopes"]]
    if fleet["unconfirmed"]:
        parts.append(Text(f"not yet applied by {', '.join(fleet['unconfirmed'])}", "yellow"))
    parts.append(table if fleet["instances"] else Text("no instance is alive", "yellow"))
    return Group(*parts)


def describe_result(result: Mapping[str, Any]) -> RenderableType:
    """What became of a command, in one line."""
    what = {
        "accepted": "done",
        "no_change": "nothing to change",
        "duplicate": "was decided before",
        "expired": "came too late",
    }.get(result["status"], str(result["status"]))
    text = Text.assemble(
        f"{result['scope']} is ", _coloured(result["desired"]), f", revision {result['revision']}: {what}"
    )
    if result["converged"] is not None:
        text.append("; every instance has applied it" if result["converged"] else "; not every instance has applied it")
    return text


def _headline(fleet: Mapping[str, Any]) -> Text:
    known = _health(fleet["buses"])
    settled = "every process has applied it" if fleet["converged"] else "not applied everywhere"
    return Text.assemble(
        "the fleet is to be ", _coloured(fleet["desired"]), f", revision {fleet['revision']}: {settled}; ", known
    )


def _health(buses: Mapping[str, str]) -> Text:
    return Text(" ").join(Text.assemble(f"{name} ", _coloured(health)) for name, health in buses.items())


def _trouble(buses: Mapping[str, str]) -> Text:
    """Most of the time there is none, and a table has little room."""
    down = {name: health for name, health in buses.items() if health == "down"}
    return _health(down) if down else Text("up", "green")


def _coloured(word: str) -> Text:
    return Text(word, _COLOURS.get(word, ""))
