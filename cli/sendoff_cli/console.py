"""What the command says to a person: news on stderr, results on stdout."""

import json
import sys
from typing import Any

from rich.console import Console, RenderableType


def say(text: str) -> None:
    """One line of news; it goes to stderr, so that results can be piped."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[dim]sendoff[/] {_escaped(text)}")


def complain(text: str) -> None:
    """Say why the command failed; it goes to stderr."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]sendoff:[/] {_escaped(text)}")


def show(result: RenderableType) -> None:
    """A result for a person, with rich's markup if it is text."""
    Console(highlight=False, soft_wrap=True).print(result)


def show_json(document: Any) -> None:
    """A result for a program."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
