"""The `sendoff` command. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from sendoff_cli.console import complain, results_written, show
from sendoff_cli.control_commands import add_control_commands
from sendoff_cli.customer_commands import add_customer_commands
from sendoff_cli.dead_letter_commands import add_dead_letter_commands
from sendoff_cli.doctor.command import add_doctor_command
from sendoff_cli.events.command import add_events_command
from sendoff_cli.explain_command import add_explain_command
from sendoff_cli.export_command import add_export_command
from sendoff_cli.imports.command import add_import_command
from sendoff_cli.job_commands import add_job_commands
from sendoff_cli.key_commands import add_key_commands
from sendoff_cli.listen.command import add_listen_command
from sendoff_cli.message_commands import add_message_commands
from sendoff_cli.publish.command import add_publish_command
from sendoff_cli.run_commands import add_run_commands
from sendoff_cli.send_command import add_send_command
from sendoff_config.lossy_output import make_output_lossy
from sendoff_domain.errors import SendoffError, SettingsError

FAILED = 1
WRONG_USAGE = 2


def _show_version(wanted: bool) -> None:
    if wanted:
        show(f"sendoff {version('sendoff')}")
        raise typer.Exit


def create_app() -> typer.Typer:
    """The command with all its subcommands."""
    app = typer.Typer(
        name="sendoff",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    add_run_commands(app)
    add_control_commands(app)
    add_send_command(app)
    add_publish_command(app)
    add_import_command(app)
    add_export_command(app)
    add_explain_command(app)
    add_message_commands(app)
    add_dead_letter_commands(app)
    add_job_commands(app)
    add_events_command(app)
    add_listen_command(app)
    add_customer_commands(app)
    add_key_commands(app)
    add_doctor_command(app)
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
