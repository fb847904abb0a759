"""The list of commands tells of each what it tells itself, and loads none but the one that runs."""

import subprocess
import sys

import pytest

from sendoff_cli.command_list import COMMANDS, load_command

#: What takes long to import, and what no command needs to tell how it is called.
DEAR = {"psycopg", "redis", "nats", "aiohttp", "pydantic", "dramatiq", "sendoff_control", "sendoff_http"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_with_its_first_sentence(name: str) -> None:
    told = (load_command(name).help or "").partition("\n\n")[0].replace("\n", " ")
    assert told == COMMANDS[name].sentence


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_nothing_dear_is_imported_where_no_command_runs(option: str) -> None:
    code = (
        f"import sys; from sendoff_cli.main import main; sys.argv = ['sendoff', {option!r}]\n"
        f"try: main()\nfinally: print('dear:', *({DEAR!r} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.splitlines()[-1] == "dear:"
