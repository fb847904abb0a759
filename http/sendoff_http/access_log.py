"""One line per request, straight to standard error: the way through `logging` costs more than serving a request."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

from sendoff_domain.settings import LoggingSettings

AccessLog = Callable[..., None]


def make_access_log(settings: LoggingSettings, process: str) -> AccessLog:
    """A function that writes one request as a line, as `logging` says; it does nothing above the level info."""
    if settings.level not in ("debug", "info"):
        return _nothing
    render = _json if settings.format == "json" else _console

    def stamp(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {"timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"), "process": process, **event}

    logger = structlog.wrap_logger(structlog.BytesLogger(sys.stderr.buffer), processors=[stamp, render]).bind()
    info: AccessLog = logger.info
    return info


def _nothing(*_: Any, **__: Any) -> None:
    return


def _json(_: WrappedLogger, __: str, event: EventDict) -> bytes:
    return msgspec.json.encode({"level": "info", "logger": "sendoff.access", **event})


def _console(_: WrappedLogger, __: str, event: EventDict) -> bytes:
    first = f"{event.pop('timestamp')} [info] {event.pop('event')}"
    return (first + "".join(f" {name}={value}" for name, value in event.items())).encode("utf-8", "backslashreplace")
