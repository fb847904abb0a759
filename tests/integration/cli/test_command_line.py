"""What all commands have in common."""

from pathlib import Path

import pytest

from support.command_line import sendoff

COMMANDS = ["up", "http", "worker", "migrate", "start", "stop", "status", "send", "customers", "doctor"]


def test_the_help_names_every_command(folder: Path) -> None:
    shown = sendoff("--help", folder=folder)
    assert shown.returncode == 0
    assert [command for command in COMMANDS if f" {command} " not in shown.stdout] == []


@pytest.mark.parametrize("command", ["up", "worker", "migrate", "stop"])
def test_a_wrong_configuration_is_refused_with_two_and_the_path_of_the_key(command: str, folder: Path) -> None:
    (folder / "wrong.yaml").write_text("scheduler: {intervall: 2m}\n")
    refused = sendoff(command, "--config", "wrong.yaml", folder=folder)
    assert refused.returncode == 2
    assert refused.stderr == "sendoff: wrong.yaml: scheduler.intervall: unknown key; did you mean interval?\n"


def test_a_configuration_that_was_named_must_be_there(folder: Path) -> None:
    refused = sendoff("status", "--config", "nowhere.yaml", folder=folder)
    assert refused.returncode == 2
    assert "nowhere.yaml: cannot be read" in refused.stderr


def test_the_configuration_can_be_named_by_a_variable(folder: Path) -> None:
    (folder / "other.yaml").write_text("nonsense: 1\n")
    assert "other.yaml: nonsense: unknown key" in sendoff("status", folder=folder, CONFIG="other.yaml").stderr


def test_the_version_is_shown(folder: Path) -> None:
    assert sendoff("--version", folder=folder).stdout.startswith("sendoff 0.")
