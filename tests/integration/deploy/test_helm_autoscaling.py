"""The query of the chart's ScaledObject, as Prometheus itself reckons it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.debian import require_program
from support.helm import of_kind, render

LABELS = 'namespace="messages",service="sendoff"'


@pytest.fixture
def scaled(tmp_path: Path) -> dict[str, Any]:
    """What the ScaledObject asks for."""
    spec: dict[str, Any] = of_kind(render(tmp_path, {"autoscaling": {"enabled": True}}), "ScaledObject")["spec"]
    return spec


def series(in_flight: int, cpu: float, oldest_due: float | None) -> list[dict[str, str]]:
    """Two instances of one worker each that look alike, and a fleet of others."""
    found = []
    for pod, labels in (("a", LABELS), ("b", LABELS), ("c", 'namespace="others",service="sendoff"')):
        own = f'pod="{pod}",{labels}'
        foreign = pod == "c"
        found += [
            (f'sendoff_requests_in_flight{{process="worker-0",{own}}}', f"{9 if foreign else in_flight}x40"),
            (f'sendoff_slots{{process="worker-0",{own}}}', "200x40"),
            (f'process_cpu_seconds_total{{process="worker-0",{own}}}', f"0+{15 * cpu}x40"),
            (f'process_cpu_seconds_total{{process="http-0",{own}}}', "0+15x40"),
        ]
        if oldest_due is not None:
            found.append((f"sendoff_oldest_due_seconds{{{own}}}", f"{999 if foreign else oldest_due}x40"))
    return [{"series": name, "values": values} for name, values in found]


@pytest.mark.parametrize(
    ("in_flight", "cpu", "oldest_due", "expected"),
    [
        (150, 0.4, 0, 0.75),  # slots
        (50, 0.5, 0, 0.5),  # cores
        (150, 0.4, 5, 1.125),  # and half as late as is tolerated
        (150, 0.4, 86400, 1.5),  # never more than twice
        (150, 0.4, None, 0.75),  # PostgreSQL does not tell
        (0, 0, 86400, 0),  # nothing to do but what is held
    ],
)
def test_it_is_how_busy_the_fleet_is_and_twice_that_at_most(
    tmp_path: Path, scaled: dict[str, Any], in_flight: int, cpu: float, oldest_due: float | None, expected: float
) -> None:
    (trigger,) = scaled["triggers"]
    asked = {"expr": trigger["metadata"]["query"], "eval_time": "8m", "exp_samples": [{"value": expected}]}
    told = {"interval": "15s", "input_series": series(in_flight, cpu, oldest_due), "promql_expr_test": [asked]}
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump({"tests": [told]}), encoding="utf-8")
    program = require_program("promtool", package="prometheus")
    done = subprocess.run([program, "test", "rules", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_number_is_the_fleets(scaled: dict[str, Any]) -> None:
    (trigger,) = scaled["triggers"]
    assert trigger["metricType"] == "Value"
    assert trigger["metadata"]["ignoreNullValues"] == "false"
    assert set(scaled["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]) == {"scaleUp", "scaleDown"}


def test_it_alone_says_how_many_there_are(tmp_path: Path) -> None:
    counts = [
        of_kind(render(tmp_path, {"autoscaling": {"enabled": enabled}}), "Deployment")["spec"].get("replicas")
        for enabled in (False, True)
    ]
    assert counts == [2, None]
