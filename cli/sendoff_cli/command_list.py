"""Which commands there are, and from which module each of them comes.

A module is imported when its command runs: what one command needs, such as the driver of a database, would make each
start of all others slow. For the same reason a command that needs such a thing only sometimes imports it where it does.
"""

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class Listed(NamedTuple):
    """A command as the list of all shows it: its module, and the first sentence of its help."""

    module: str
    sentence: str


COMMANDS = {
    "up": Listed(
        "run_commands",
        "Run everything: servers without an address, API, workers, ingest if enabled, a sample webhook if none is set.",
    ),
    "http": Listed("run_commands", "Run the API of one instance."),
    "worker": Listed("run_commands", "Run the workers of one instance."),
    "ingest": Listed("run_commands", "Take messages in from JetStream, on one instance."),
    "migrate": Listed("run_commands", "Bring the database up to date; safe to repeat, and while others do the same."),
    "start": Listed("control_commands", "Let the fleet, or one customer, send."),
    "stop": Listed(
        "control_commands", "Stop the fleet, or one customer: nothing is claimed any more, and nothing is lost."
    ),
    "status": Listed("control_commands", "Show what the fleet should do and what it does."),
    "send": Listed("send_command", "Hand one message to the API, and print its id and when it is due."),
    "publish": Listed(
        "publish.command",
        "Publish messages from standard input, one JSON object a line, into the stream of the ingest.",
    ),
    "import": Listed(
        "imports.command",
        "Accept many messages as a job: from a file, or what waits in Celery's Redis or in QStash, which is only read.",
    ),
    "export": Listed("export_command", "Write many messages into a file, as they are shown; all filters must fit."),
    "explain": Listed("explain_command", "Say why a message is not delivered yet, and when it is tried next."),
    "events": Listed(
        "events.command", "Show what happened to messages, customers and the fleet, from the streams on NATS."
    ),
    "listen": Listed(
        "listen.command",
        "Be a webhook on this machine: show each message, check its signature, and fail as it was told to.",
    ),
    "doctor": Listed(
        "doctor.command",
        "Check everything that Sendoff needs, and say what to do; fails if anything would keep it from working.",
    ),
    "messages": Listed("message_commands", "Find messages, move, cancel and resend them."),
    "dead-letters": Listed("dead_letter_commands", "See dead letters, send them again or delete them."),
    "jobs": Listed("job_commands", "See long work on many messages, pause, resume and cancel it."),
    "customers": Listed("customer_commands", "See and change customers."),
    "keys": Listed("key_commands", "Make, list and revoke API keys."),
}


class CommandList(TyperGroup):
    """All commands; only the one that runs, or whose options a shell completes, is loaded."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, listed in COMMANDS.items():
            self.add_command(TyperCommand(name, help=listed.sentence))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that the first of `args` names, and what is left of them."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else load_command(name), rest


def load_command(name: str) -> Any:
    """The command itself, or the group of that name."""
    app = typer.Typer()
    import_module(f"sendoff_cli.{COMMANDS[name].module}").add_commands(app)
    return typer.main.get_group(app).commands[name]


def load_commands() -> dict[str, Any]:
    """All of them, for those who describe them."""
    return {name: load_command(name) for name in COMMANDS}
