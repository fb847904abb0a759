"""The `sendoff` command. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration."""

import sys

import typer

from sendoff_cli.console import complain
from sendoff_cli.run_commands import add_run_commands
from sendoff_cli.servers.errors import ServerError
from sendoff_domain.errors import SendoffError, SettingsError

FAILED = 1
WRONG_USAGE = 2


def create_app() -> typer.Typer:
    """The command with all its subcommands."""
    app = typer.Typer(
        name="sendoff",
        help="Sendoff delivers scheduled messages to webhooks.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    add_run_commands(app)
    return app


def main() -> None:
    """Run the command line; an expected failure is one clear sentence, never a traceback."""
    try:
        create_app()()
    except SettingsError as error:
        complain(str(error))
        sys.exit(WRONG_USAGE)
    except (SendoffError, ServerError) as error:
        complain(str(error))
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
