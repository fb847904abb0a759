"""Debian's Prometheus beside a test: it scrapes what it is told, and is asked over its API."""

import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support.debian import require_program
from support.layout import ROOT
from support.waiting import wait_until
from support.whole_sendoff import free_port

RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
BOARDS = ROOT / "deploy" / "grafana" / "boards"
#: Of the shortened rules: how long a fault must last, and how far back they look.
_FOR, _RANGE = "4s", "[30s]"


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus that runs."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an expression now; raises urllib.error.HTTPError for one that is none."""
        found = self._get(f"query?{urllib.parse.urlencode({'query': expression})}")["result"]
        assert isinstance(found, list), f"{expression} is no vector"
        return found

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        alerts = self._get("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return bool(self._get("status/runtimeinfo"))
        except OSError:
            return False

    def _get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}", timeout=10) as response:
            data: dict[str, Any] = json.loads(response.read())["data"]
        return data


def alert_rules() -> dict[str, dict[str, Any]]:
    """The rules of deploy/prometheus by the names of their alerts."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def shortened(rules: dict[str, dict[str, Any]], **expressions: str) -> dict[str, Any]:
    """The rules with seconds for minutes; what is given by the name of an alert takes the place of its expression."""
    return {
        "groups": [
            {
                "name": "shortened",
                "rules": [
                    {
                        "alert": name,
                        "expr": re.sub(r"\[\d+m\]", _RANGE, expressions.get(name, rule["expr"])),
                        "for": _FOR if "for" in rule else "0s",
                    }
                    for name, rule in rules.items()
                ],
            }
        ]
    }


def panel_queries() -> set[str]:
    """The expression of every panel of every board, as Grafana would ask it."""
    boards = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(BOARDS.glob("*.json"))]
    queries = {target["expr"] for board in boards for panel in board["panels"] for target in panel["targets"]}
    return {query.replace("[$__rate_interval]", _RANGE) for query in queries}


def names_in(expression: str) -> set[str]:
    """The metrics that an expression asks for."""
    return set(re.findall(r"\b(?:sendoff|process)_\w+|\bup\b", re.sub(r"by \([^)]*\)", "", expression)))


@contextmanager
def running_prometheus(folder: Path, targets: Sequence[str], rules: dict[str, Any]) -> Iterator[Prometheus]:
    """Scrape those hosts and ports every two seconds, and evaluate the rules, as long as the block lasts."""
    program, port = require_program("prometheus", package="prometheus"), free_port()
    (folder / "rules.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    config = {
        "global": {"scrape_interval": "2s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yml")],
        "scrape_configs": [{"job_name": "sendoff", "static_configs": [{"targets": list(targets)}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/prometheus",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    started = Prometheus(f"http://127.0.0.1:{port}")
    try:
        wait_until(lambda: started.is_ready() or process.poll() is not None, "Prometheus answers", 60)
        assert process.poll() is None, (folder / "prometheus.log").read_text(errors="replace")
        yield started
    finally:
        process.terminate()
        process.wait(30)
