"""The rules and boards that are shipped: what they name exists, and each rule fires when it should."""

import re
import subprocess
from pathlib import Path
from runpy import run_path

import pytest

from support.debian import require_program
from support.layout import ROOT
from support.prometheus import BOARDS, RULES, alert_rules

RUNBOOK = ROOT / "docs" / "runbook.md"


def promtool(*arguments: str | Path) -> None:
    program = require_program("promtool", package="prometheus")
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_rules() -> None:
    promtool("check", "rules", RULES)


def test_each_alert_fires_for_its_fault_alone_and_none_in_a_healthy_fleet() -> None:
    promtool("test", "rules", RULES.with_name("alerts_test.yml"))


def test_each_alert_has_a_test() -> None:
    tested = set(re.findall(r'alertname="(\w+)"', RULES.with_name("alerts_test.yml").read_text(encoding="utf-8")))
    assert tested == set(alert_rules())


@pytest.mark.parametrize("name", alert_rules())
def test_each_alert_leads_to_its_section_of_the_runbook(name: str) -> None:
    path, _, anchor = alert_rules()[name]["annotations"]["runbook_url"].partition("#")
    assert ROOT / path == RUNBOOK
    assert anchor == name.lower()
    section = RUNBOOK.read_text(encoding="utf-8").partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    for part in ("**Means.**", "**Look.**", "**Do.**"):
        assert part in section


def test_the_runbook_has_no_other_section() -> None:
    assert set(re.findall(r"^## (\w+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)) == set(alert_rules())


def test_the_boards_are_what_their_table_says() -> None:
    made = run_path(str(ROOT / "deploy" / "grafana" / "make_boards.py"))
    wanted = {f"{title.lower()}.json": made["written"](title, panels) for title, panels in made["TABLE"].items()}
    assert {path.name: path.read_text(encoding="utf-8") for path in BOARDS.iterdir()} == wanted
    assert set(wanted) == {"overview.json", "customers.json", "fleet.json", "servers.json"}
