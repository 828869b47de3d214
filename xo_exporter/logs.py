"""Logs on standard error, as logfmt or JSON."""

import logging
import sys
from typing import Final, Literal

import structlog

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["logfmt", "json"]

_KEYS: Final = ("timestamp", "level", "event")


def configure(level: Level, form: Format) -> None:
    """Set up logging for the whole process, the libraries' own included."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor
    if form == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.processors.LogfmtRenderer(key_order=_KEYS, drop_missing=True)
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    # A library's own complaints are ours to judge; below warning they are noise.
    logging.basicConfig(level=max(threshold, logging.WARNING), handlers=[handler], force=True)
