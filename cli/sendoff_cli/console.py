"""What the command says to a person: news on stderr, results on stdout."""

import errno
import io
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, RenderableType

from sendoff_domain.errors import SendoffError

#: What a write to a file, a terminal or a descriptor that is closed can end with.
_OUTPUT_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}

#: What goes into a pipe or a file is not cut to the width of a terminal.
_WIDE = 1_000
_lines_are_json = threading.Event()


def log_as_json() -> None:
    """From now on say and complain in JSON, one object a line, as the processes log."""
    _lines_are_json.set()


def say(text: str) -> None:
    """One line of news; it goes to stderr, so that results can be piped."""
    if _lines_are_json.is_set():
        _log("info", text)
        return
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[dim]sendoff[/] {_escaped(text)}")


def complain(text: str) -> None:
    """Say why the command failed; it goes to stderr."""
    if _lines_are_json.is_set():
        _log("error", text)
        return
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]sendoff:[/] {_escaped(text)}")


def show(result: RenderableType) -> None:
    """A result for a person, with rich's markup if it is text."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    Console(highlight=False, soft_wrap=True, width=None if is_terminal else _WIDE).print(result)


def show_json(document: Any) -> None:
    """A result for a program."""
    print(json.dumps(document, indent=2))  # noqa: T201  it is the result


def show_json_line(document: Any) -> None:
    """One of the results that come one by one, for a program: a line of its own, at once."""
    print(json.dumps(document), flush=True)  # noqa: T201  it is a result


@contextmanager
def results_written() -> Iterator[None]:
    """At the end of the block write what is still buffered, so that a loss is not found when Python ends.

    What the terminal or file has no character for is written as its escape (`\\xfc`) meanwhile.
    A reader of the results that is gone ends the command with code 1 and no word, as he wants no more of it. Raises
    SendoffError when the results can't be written.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        _give_up_results()
        sys.exit(1)
    except OSError as error:
        if error.errno not in _OUTPUT_ERRORS:
            raise
        _give_up_results()
        raise SendoffError(f"the result cannot be written: {error.strerror}") from None


def _give_up_results() -> None:
    """Let Python write elsewhere what it still holds; it would end with a code of its own for another failure."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _log(level: str, text: str) -> None:
    now = datetime.now(UTC).isoformat()
    line = {"event": text, "level": level, "logger": "sendoff.supervisor", "timestamp": now}
    print(json.dumps(line), file=sys.stderr, flush=True)  # noqa: T201  it is a log


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
