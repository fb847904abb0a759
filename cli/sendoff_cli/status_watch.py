"""The state of the fleet, as it changes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from sendoff_cli.console import show, show_json_line
from sendoff_cli.fleet_table import fleet_table
from sendoff_domain.errors import SendoffError

_PAUSE_SECONDS = 1.0
#: Says a line of news.
Tell = Callable[[str], None]


class Look(Protocol):
    """Asks what the fleet does, and may tell how it came to know."""

    def __call__(self, tell: Tell) -> Awaitable[dict[str, Any]]:
        """The document of `GET /v1/scheduler`; raises SendoffError."""
        ...


def watch_fleet(look: Look, *, as_json: bool) -> None:
    """Show the fleet again and again until Ctrl-C; what cannot be asked is shown in its place, and asked again.

    On a terminal a table that changes; elsewhere one table, or as JSON one line, after the other.
    """
    console = Console(highlight=False)
    try:
        if as_json or not console.is_terminal:
            asyncio.run(_repeat(look, lambda seen: show_json_line(seen) if as_json else show(_table(seen))))
        else:
            with Live(console=console, auto_refresh=False) as live:
                asyncio.run(_repeat(look, lambda seen: live.update(_table(seen), refresh=True)))
    except KeyboardInterrupt:
        return


async def _repeat(look: Look, put: Callable[[dict[str, Any]], None]) -> None:
    while True:
        news: list[str] = []
        try:
            seen = await look(news.append)
        except SendoffError as error:
            seen = {"error": str(error)}
        put(seen)
        await asyncio.sleep(_PAUSE_SECONDS)


def _table(seen: dict[str, Any]) -> RenderableType:
    return Text(seen["error"], "red") if "error" in seen else fleet_table(seen)
