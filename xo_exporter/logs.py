"""Logs on standard error, as logfmt or JSON."""

import contextlib
import io
import logging
import sys
from typing import Final, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["logfmt", "json"]

_KEYS: Final = ("timestamp", "level", "event")


def _printable(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Escape what would move a cursor: names come from other people. Line ends follow after it."""
    return {
        key: _escaped(value) if isinstance(value, str) else value for key, value in event.items()
    }


def _escaped(text: str) -> str:
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


class _StandardError(io.TextIOBase):
    """Standard error as it is now; where it can't be written to, the service goes on without."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            if sys.stderr is not None:
                sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if sys.stderr is not None:
                sys.stderr.flush()


def configure(level: Level, form: Format) -> None:
    """Set up logging for the whole process, the libraries' own included."""
    stream = cast("TextIO", _StandardError())
    threshold = logging.getLevelNamesMapping()[level.upper()]
    renderers: list[Processor]
    if form == "json":
        renderers = [structlog.processors.JSONRenderer()]
    else:
        logfmt = structlog.processors.LogfmtRenderer(key_order=_KEYS, drop_missing=True)
        renderers = [_printable, logfmt]
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
            foreign_pre_chain=shared,
        )
    )
    # A library's own complaints are ours to judge; below warning they are noise.
    logging.basicConfig(level=max(threshold, logging.WARNING), handlers=[handler], force=True)
