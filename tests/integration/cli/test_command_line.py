"""What all commands have in common."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sendoff_cli.command_list import load_commands
from support.command_line import COMMAND, clean_environment
from support.warm_command import sendoff

COMMANDS = ["up", "http", "worker", "ingest", "migrate", "start", "stop", "status", "send", "customers", "doctor"]
COMMANDS += ["messages", "dead-letters", "events", "listen", "publish", "explain", "keys"]
#: They run until they are stopped, and what they say is a log.
RUNNING = {"up", "http", "worker", "ingest"}


def leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""
    inner: dict[str, Any] = getattr(command, "commands", {})
    if not inner:
        yield name, command
    for word, one in inner.items():
        yield from leaves(one, f"{name} {word}")


def test_every_command_that_has_a_result_gives_it_as_json_too() -> None:
    commands = dict(leaf for name, command in load_commands().items() for leaf in leaves(command, name))
    assert len(commands) > 25
    assert {
        name
        for name, command in commands.items()
        if "--json" not in {word for parameter in command.params for word in parameter.opts}
    } == RUNNING


def test_a_shell_completes_commands_and_options() -> None:
    def completed(words: str) -> str:
        variables = {"_SENDOFF_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        ran = subprocess.run(
            [Path(sys.prefix) / "bin/sendoff"],
            env=clean_environment(variables),
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        return ran.stdout

    assert completed("sendoff mess").split() == ["messages"]
    assert "retrying" in completed("sendoff messages list --status ")


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


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}])
def test_a_terminal_that_cannot_show_a_character_gets_its_escape(environment: dict[str, str], folder: Path) -> None:
    config = folder / "größe….yaml"
    config.write_text("http: {port: 0}\n", encoding="utf-8")
    ran = subprocess.run(
        [*COMMAND, "doctor", "--config", config, "--data", folder / "data"],
        cwd=folder,
        env=clean_environment({"PYTHONUTF8": "0", **environment}),
        capture_output=True,
        timeout=90,
        check=False,
    )
    assert b"Traceback" not in ran.stderr
    shown = ran.stdout.decode("ascii")
    assert "python" in shown
    assert "config" in shown
