"""The benchmark itself runs from end to end with tiny numbers, and finds nothing lost and nothing early.

`make test` runs what takes seconds; all figures together take minutes: `pytest -m all_figures`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[2]
ARRIVING = (
    "deliver",
    "lateness 200/s",
    "lateness 1000/s",
    "lateness 3000/s",
    "isolation",
    "stop",
    "wide",
    "recovery",
)
ACCEPTING = ("accept single", "accept batch ndjson", "accept batch json")
Measured = dict[str, dict[str, Any]]


def run_bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command that `make bench` runs."""
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=TESTS.parent,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=280,
    )


def measure(folder: Path, *arguments: str) -> Measured:
    """The figures of a run with tiny numbers."""
    result = folder / "figures.json"
    done = run_bench("--quick", "--json", str(result), *arguments)
    assert done.returncode == 0, done.stderr
    figures: Measured = json.loads(result.read_text())["figures"]
    return figures


def check_nothing_is_lost(figures: Measured, sections: Iterable[str]) -> None:
    """What every figure has to show, whatever its speed."""
    assert {section: sum(figures[section]["lost"]["rounds"]) for section in sections} == dict.fromkeys(sections, 0)
    assert {figures[section]["early"]["median"] for section in sections if "early" in figures[section]} <= {0}


@pytest.mark.timeout(300)
def test_delivering_and_accepting_are_measured_and_nothing_is_lost(tmp_path: Path) -> None:
    figures = measure(tmp_path, "--only", "deliver,accept,ingest")

    assert set(figures) == {"deliver", *ACCEPTING, "ingest", "machine"}
    check_nothing_is_lost(figures, ("deliver", *ACCEPTING, "ingest"))
    assert figures["ingest"]["webhook p99"]["median"] > 0
    assert figures["deliver"]["unrecorded"]["median"] == 0
    assert figures["deliver"]["bad signatures"]["median"] == 0
    assert figures["deliver"]["rate"]["ratio"] > 0
    assert figures["accept single"]["rate"]["ratio"] > 0


@pytest.mark.all_figures
@pytest.mark.timeout(300)
def test_every_figure_is_measured_and_nothing_is_lost_or_early(tmp_path: Path) -> None:
    figures = measure(tmp_path, "--all")

    # Without Debian's package there is nothing to say about PgBouncer.
    admin = {"admin p50", "admin p99", "admin cpu api", "admin cpu postgres"}
    others = {"ingest", "fairness", "events", "metrics", "idle", "flat", "flat lists", "machine"}
    assert set(figures) - {"pgbouncer"} == {*ARRIVING, *ACCEPTING, *others, *admin}
    check_nothing_is_lost(figures, (*ARRIVING, *ACCEPTING, "ingest", "fairness", "events"))
    assert figures["events"]["unpublished"]["median"] == 0
    assert figures["fairness"]["flood acknowledged"]["median"] > 0
    assert figures["stop"]["p99"]["median"] is not None
    assert "memory worker 0" in figures["idle"]
    assert figures["wide"]["duplicates"]["rounds"] == [0, 0]
    assert figures["recovery"]["claimed"]["median"] > 0
    assert figures["flat"]["claim 500"]["ratio"] > 0
    assert set(figures["admin p50"]) == set(figures["admin p99"]) > {"overview", "dead letters", "a static file"}


def test_an_unknown_figure_is_refused_with_the_names_that_are_known() -> None:
    done = run_bench("--only", "deliver,speed")

    known = "deliver,lateness,isolation,accept,ingest,fairness,events,metrics,stop,idle,flat,wide,recovery,admin"
    assert done.returncode == 2
    assert f"expected some of {known}, got speed" in done.stderr
