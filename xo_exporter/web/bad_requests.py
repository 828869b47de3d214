"""Requests that are no HTTP: the client is told, and the log keeps to a line at level debug."""

import logging

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

log = structlog.get_logger()


def without_bad_requests(record: logging.LogRecord) -> bool:
    """A filter of aiohttp's log: whatever a client sends is no error of this process.

    aiohttp prints a traceback for each, which lets any client fill the disk.
    """
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, HttpProcessingError | web.RequestPayloadError):
        return True
    # Its text quotes what was sent, which may be a password.
    log.debug("a request that is no HTTP", error=type(error).__name__)
    return False
