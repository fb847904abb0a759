"""`sendoff explain`: why a message is not delivered yet."""

import asyncio
from typing import Annotated, Any

import typer

from sendoff_cli.api_client import api_client
from sendoff_cli.console import show, show_json
from sendoff_cli.options import ConfigOption, JsonOption, UrlOption, chosen_config
from sendoff_config.loading import load_settings

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The message's id: msg_...")]


def add_commands(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("explain")(explain)


def explain(
    message_id: IdArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Say why a message is not delivered yet, and when it is tried next."""
    api = api_client(url, load_settings(chosen_config(config)).http)
    explanation = asyncio.run(api.call_safely("GET", f"/v1/messages/{message_id}/explain"))
    if as_json:
        show_json(explanation)
        return
    show(f"{explanation['id']} of {explanation['customer']} is {explanation['status']}")
    for line in lines(explanation):
        show(line)


def lines(explanation: dict[str, Any]) -> list[str]:
    """The reasons, one a line, and the time of the next try."""
    reasons = [
        f"  {reason['cause']}: {reason['detail']}" + (f" (until {reason['until']})" if reason["until"] else "")
        for reason in explanation["reasons"]
    ] or [f"  {explanation['summary']}"]
    when = explanation["nextTryAt"]
    return [*reasons, f"  next try: {when}"] if when else reasons
