"""Logs of every process: one line an event on standard error, for people or as JSON."""

import logging
import sys

import structlog

from sendoff_config.settings import LoggingSettings


def configure_logging(settings: LoggingSettings, **context: object) -> None:
    """Set up structlog and the standard library's logging alike; `context` is in every line of this process."""
    level = getattr(logging, settings.level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
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
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _with(context), renderer],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("nats", "dramatiq", "psycopg.pool", "asyncio"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))


def _with(context: dict[str, object]) -> structlog.typing.Processor:
    def add(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {**event, **context}

    return add
