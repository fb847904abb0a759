"""`sendoff up | http | worker | ingest | migrate`: what runs, and the schema it runs on."""

import asyncio
from typing import Annotated

import typer

from sendoff_cli.console import say, show, show_json
from sendoff_cli.database import prepare_database
from sendoff_cli.options import DEFAULT_DATA, ConfigOption, DataOption, JsonOption, chosen_config
from sendoff_cli.run import run_http, run_ingest, run_up, run_workers
from sendoff_cli.server_urls import with_embedded_addresses

_MIGRATE_PATIENCE = 60.0

SealPlainOption = Annotated[
    bool,
    typer.Option(
        "--seal-plain", help="Seal secrets that were stored plain, too: once, after the first encryption key was set."
    ),
]


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("up")(up)
    app.command("http")(http)
    app.command("worker")(worker)
    app.command("ingest")(ingest)
    app.command("migrate")(migrate)


def up(config: ConfigOption = None, data: DataOption = DEFAULT_DATA) -> None:
    """Run everything: servers without an address, API, workers, ingest if enabled, a sample webhook if none is set."""
    raise typer.Exit(run_up(chosen_config(config), data))


def http(config: ConfigOption = None) -> None:
    """Run the API of one instance."""
    raise typer.Exit(run_http(chosen_config(config)))


def worker(config: ConfigOption = None) -> None:
    """Run the workers of one instance."""
    raise typer.Exit(run_workers(chosen_config(config)))


def ingest(config: ConfigOption = None) -> None:
    """Take messages in from JetStream, on one instance."""
    raise typer.Exit(run_ingest(chosen_config(config)))


def migrate(
    config: ConfigOption = None,
    data: DataOption = DEFAULT_DATA,
    seal_plain: SealPlainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring the database up to date; safe to repeat, and while others do the same."""
    settings = with_embedded_addresses(chosen_config(config), data)
    applied = asyncio.run(prepare_database(settings, _MIGRATE_PATIENCE, say, seal_plain=seal_plain))
    if as_json:
        show_json({"applied": applied})
    else:
        show("\n".join(f"applied {name}" for name in applied) or "the database is up to date")
