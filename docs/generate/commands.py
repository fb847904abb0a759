"""The page of all commands, from the command line itself."""

from collections.abc import Iterator
from typing import Any

from generate.tables import code, page, paragraph, table
from sendoff_cli.command_list import load_commands

_HEADS = ("argument or option", "what it is")
_INTRODUCTION = (
    "Every command with its arguments and options, as `--help` shows them. A command ends with 0 if it is done, with"
    " 1 if it failed, with 2 for wrong usage or configuration."
)


def commands_page() -> str:
    """The page."""
    parts = []
    leaves = (leaf for word, one in load_commands().items() for leaf in _leaves(one, f"sendoff {word}"))
    for name, command in leaves:
        parts += [f"## {name}", paragraph(" ".join((command.help or "").split()))]
        if rows := [_row(parameter) for parameter in command.params if parameter.name != "help"]:
            parts.append(table(_HEADS, rows))
    return page("Command line", _INTRODUCTION, *parts)


def _leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    inner: dict[str, Any] = getattr(command, "commands", {})
    if not inner:
        yield name, command
    for word, one in inner.items():
        yield from _leaves(one, f"{name} {word}")


def _row(parameter: Any) -> tuple[str, str]:
    is_option = parameter.param_type_name == "option"
    names = ", ".join(parameter.opts) if is_option else parameter.metavar or parameter.name
    value = f" {parameter.metavar}" if is_option and parameter.metavar else ""
    variable = f" Variable: {code(str(parameter.envvar))}." if parameter.envvar else ""
    return code(names + value), (getattr(parameter, "help", None) or "") + variable
