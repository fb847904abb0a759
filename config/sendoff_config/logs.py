"""Logs of every process: one line an event on standard error, for people or as JSON.

What others have written (ids, URLs, errors of other servers) may be in any of them: it can neither begin a line of its
own nor command a terminal.
"""

import logging
import re
import sys
import threading
from types import TracebackType
from typing import Any

import structlog

from sendoff_config.logging_settings import LoggingSettings

#: Of the libraries only warnings: below that some of them log what they carry. Dramatiq names the loggers of actors
#: after their modules, and ours are called `sendoff.…`.
_LIBRARIES = (
    "nats",
    "dramatiq",
    "sendoff_actors",
    "psycopg",
    "psycopg.pool",
    "asyncio",
    "aiohttp",
    "redis",
    "opentelemetry",
    "urllib3",
)
#: Control characters, line separators, what turns the direction of text, and halves of characters.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_IN_TRACES = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", "\x00-\x09\x0b-\x1f"))
_MARGIN = "\n  | "


def configure_logging(settings: LoggingSettings, **context: object) -> None:
    """Set up structlog and the standard library's logging alike; `context` is in every line of this process.

    What Python itself would write to standard error goes there too: warnings, and errors that nobody handles.
    """
    level = getattr(logging, settings.level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderers: list[structlog.typing.Processor] = (
        [structlog.processors.JSONRenderer()]
        if settings.format == "json"
        else [_escape_values, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _with(context), *renderers],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in _LIBRARIES:
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))
    _log_what_python_says()


def escaped(text: str) -> str:
    """The text with what could begin a line or command a terminal as an escape: a line break is `\\n`."""
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _escape_values(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Escape every text but a trace, of which each line is indented, so that none looks like an event."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _trace(value) if key in ("exception", "stack") else escaped(value)
    return event


def _trace(text: str) -> str:
    return "  | " + _UNSAFE_IN_TRACES.sub(_escape, text).replace("\n", _MARGIN)


def _log_what_python_says() -> None:
    log = logging.getLogger("sendoff.python")

    def on_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            log.critical("an error that nobody handled", exc_info=(kind, error, trace))

    def on_thread(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None and not issubclass(arguments.exc_type, SystemExit):
            on_exception(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    def on_unraisable(arguments: Any) -> None:
        trace = (
            None if arguments.exc_value is None else (arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
        )
        log.error("an error that could not be raised", exc_info=trace)

    logging.captureWarnings(capture=True)
    sys.excepthook, threading.excepthook, sys.unraisablehook = on_exception, on_thread, on_unraisable


def _with(context: dict[str, object]) -> structlog.typing.Processor:
    def add(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {**event, **context}

    return add
