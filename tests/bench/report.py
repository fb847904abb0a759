"""Shows the figures as a table, and as JSON."""

import json
import math
import os
import platform
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from bench.series import Figures, Series
from bench.targets import TARGETS

_WIDTH = 110


def document(figures: Figures, seconds: float) -> dict[str, Any]:
    """Everything as JSON: the machine, the figures by section and name, the targets."""
    return {
        "machine": _machine(),
        "seconds": seconds,
        "figures": {
            section: {name: series.document() for name, series in named.items()} for section, named in figures.items()
        },
        "targets": [
            {"what": target.what, "wanted": target.wanted, "value": value, "verdict": verdict}
            for target in TARGETS
            for value, verdict in (target.verdict(figures),)
        ],
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write the document; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_without_nan(content), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def show(figures: Figures) -> None:
    """Print the tables."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    console.print(_table_of_figures(figures))
    console.print(_table_of_targets(figures))


def missed(figures: Figures) -> bool:
    """Whether a target that was measured is not met."""
    return any(target.verdict(figures)[1] == "missed" for target in TARGETS)


def _table_of_figures(figures: Figures) -> Table:
    table = Table("figure", "", "unit", title="Measured", title_justify="left")
    for column in ("median", "lowest", "highest", "bare", "/ bare"):
        table.add_column(column, justify="right")
    for section, named in figures.items():
        for number, (name, series) in enumerate(named.items()):
            table.add_row("" if number else section, name, series.unit, *_cells(series))
        table.add_section()
    return table


def _cells(series: Series) -> list[str]:
    spread = [_number(min(series.rounds)), _number(max(series.rounds))] if len(series.rounds) > 1 else ["", ""]
    return [_number(series.median), *spread, _number(series.ceiling), _number(series.ratio)]


def _table_of_targets(figures: Figures) -> Table:
    table = Table("target", title="Targets", title_justify="left")
    for column in ("wanted", "figure"):
        table.add_column(column, justify="right")
    table.add_column("verdict")
    colours = {"met": "green", "missed": "red", "not measured": "dim"}
    for target in TARGETS:
        value, verdict = target.verdict(figures)
        table.add_row(target.what, target.wanted, _number(value), f"[{colours[verdict]}]{verdict}")
    return table


def _without_nan(content: Any) -> Any:
    """The same with null for what is no number, which JSON does not know."""
    if isinstance(content, dict):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if math.isnan(value):
        return "?"
    if value == round(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "memoryMiB": psutil.virtual_memory().total // 1024**2,
        "load": os.getloadavg(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }
