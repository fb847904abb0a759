"""Options that several commands share."""

import os
import socket
from pathlib import Path
from typing import Annotated

import typer

_DEFAULT_CONFIG = Path("config.yaml")

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", envvar="SENDOFF_CONFIG", help="The configuration file.", show_default="config.yaml if it is there"
    ),
]
DataOption = Annotated[Path, typer.Option("--data", envvar="SENDOFF_DATA", help="The folder of the embedded servers.")]
UrlOption = Annotated[
    str | None,
    typer.Option("--url", envvar="SENDOFF_URL", help="The API's address.", show_default="this machine's, by http.port"),
]
MetadataOption = Annotated[
    list[str] | None, typer.Option("--metadata", metavar="KEY=VALUE", help="What goes along; may be repeated.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]

DEFAULT_DATA = Path(".sendoff")


def chosen_config(config: Path | None) -> Path | None:
    """The file to read: the one that was named, or `config.yaml` if there is one, or none."""
    if config is None and _DEFAULT_CONFIG.is_file():
        return _DEFAULT_CONFIG
    return config


def members(pairs: list[str] | None) -> dict[str, str]:
    """The metadata that was given as KEY=VALUE."""
    parsed = dict(pair.split("=", 1) for pair in pairs or [] if "=" in pair)
    if len(parsed) != len(pairs or []):
        raise typer.BadParameter("expected KEY=VALUE, each key once", param_hint="--metadata")
    return parsed


def requested_by() -> str:
    """Who gives the command, as this machine knows it."""
    return f"{os.environ.get('USER') or f'uid {os.getuid()}'}@{socket.gethostname()}"[:500]
