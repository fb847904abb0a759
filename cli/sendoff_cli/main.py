"""The `sendoff` command. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration."""

import sys
from typing import Annotated

import typer

from sendoff_cli.command_list import CommandList
from sendoff_cli.console import complain, results_written, show
from sendoff_config.lossy_output import make_output_lossy
from sendoff_domain.errors import SendoffError, SettingsError

FAILED = 1
WRONG_USAGE = 2


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        show(f"sendoff {version('sendoff')}")
        raise typer.Exit


def create_app() -> typer.Typer:
    """The command with all its subcommands."""
    app = typer.Typer(name="sendoff", cls=CommandList, no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(_options)
    return app


def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Sendoff delivers scheduled messages to webhooks."""


def main() -> None:
    """Run the command line; an expected failure is one clear sentence, never a traceback."""
    make_output_lossy("stderr")  # news; results are another matter
    try:
        with results_written():
            create_app()()
    except SettingsError as error:
        complain(str(error))
        sys.exit(WRONG_USAGE)
    except SendoffError as error:
        complain(str(error))
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
