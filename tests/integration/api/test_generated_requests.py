"""Requests that schemathesis makes from the OpenAPI document, sent to a real process: every answer is as promised."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sendoff_http.app import OPERATIONS
from support.instances import Launcher
from support.whole_sendoff import free_port, launch, prefix, receiver

__all__ = ["launch", "prefix", "receiver"]

SCHEMATHESIS = Path(sys.prefix) / "tools/bin/st"
CONFIGURATION = Path(__file__).with_name("generated_requests.toml")
HOOKS = Path(__file__).with_name("serialized_lines.py")
SECRET = "the-secret-of-the-generated-requests"
#: Tags of the document that are tried together, and how many requests at least: some 2,000 in all.
PARTS = {
    ("Messages", "Retries", "Dead letters"): 900,
    ("Customers", "Stats"): 600,
    ("Scheduler", "Keys", "Audit", "Jobs", "Health", "Description"): 500,
}


def test_all_operations_are_tried_with_2000_requests_at_least() -> None:
    assert {tag for tags in PARTS for tag in tags} == {operation.tag for operation in OPERATIONS}
    assert sum(PARTS.values()) >= 2_000


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("tags", "at_least"), PARTS.items(), ids=[tags[0] for tags in PARTS])
def test_every_answer_is_as_the_document_promises(
    launch: Launcher, tmp_path: Path, tags: tuple[str, ...], at_least: int
) -> None:
    port = free_port()
    launch.api(port, HTTP__API_KEYS=json.dumps([SECRET]), LOGGING__LEVEL="warning")
    report = run_schemathesis(f"http://127.0.0.1:{port}/openapi.json", tags, tmp_path)
    of_these = [operation for operation in OPERATIONS if operation.tag in tags]
    assert (report["operations"]["tested"], report["operations"]["errored"]) == (len(of_these), 0)
    assert report["test_cases"]["generated"] >= at_least


def run_schemathesis(document: str, tags: tuple[str, ...], folder: Path) -> Any:
    """Try these operations of the document; returns the report of a run without a failure."""
    assert SCHEMATHESIS.exists(), "run `make .venv/.tools`"
    chosen = [option for tag in tags for option in ("--include-tag", tag)]
    command = [str(SCHEMATHESIS), "--config-file", str(CONFIGURATION), "run", document, *chosen, "--no-color"]
    run = subprocess.run(
        [*command, "--report-json-path", "report.json"],
        cwd=folder,
        env={**os.environ, "SENDOFF_KEY": SECRET, "SCHEMATHESIS_HOOKS": HOOKS.stem, "PYTHONPATH": str(HOOKS.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2_000:]
    return json.loads((folder / "report.json").read_text())
