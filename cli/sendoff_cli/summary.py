"""What a person sees when an instance is ready."""

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Started:
    """What runs: the instance, its processes, and the addresses and the folder where there are any."""

    instance: str
    processes: tuple[str, ...]
    url: str | None
    sample: str | None
    data: Path | None


def summary(started: Started) -> str:
    """The lines to print, with rich's markup."""
    lines = [f"[bold green]Sendoff is ready[/]  instance {started.instance}: {', '.join(started.processes)}"]
    if started.url:
        lines += [f"  API             {started.url}", f"  Swagger         {started.url}/swagger/index.html"]
    if started.sample:
        lines.append(f"  Sample webhook  {started.sample} (prints every message; none is configured)")
    if started.data:
        lines.append(f"  Data            {started.data.resolve()}")
    if started.url:
        lines += ["", "Send a message:", f"  {_curl(started.url)}"]
    lines.append("Ctrl-C stops everything in order.")
    return "\n".join(lines)


def _curl(url: str) -> str:
    body = '{"to": "you", "content": "Hello", "delay": "5s"}'
    return f"curl {url}/v1/messages -H 'content-type: application/json' -d {shlex.quote(body)}"
