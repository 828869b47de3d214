"""What is made of files, made anew when they have changed."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

import structlog

from xo_exporter.errors import ConfigError

log = structlog.get_logger()

T = TypeVar("T")

_AGAIN_AFTER: Final = 1.0  # seconds; what kept a file from being read may be no change of it


def stamp_of(path: Path | None) -> object:
    """What differs when the file at `path` has changed; None where there is none."""
    try:
        status = path.stat() if path else None
    except OSError:
        return None
    return status and (status.st_ctime_ns, status.st_mtime_ns, status.st_size, status.st_ino)


class FromFiles(Generic[T]):
    """What `read` makes of files, for as long as their `stamp` is the same.

    The log has a line when they can't be used, when the reason changes, and when they are read
    anew. `what` names them there. Raises ConfigError at once where `read` does.
    """

    def __init__(self, what: str, read: Callable[[], T], stamp: Callable[[], object]) -> None:
        self._unusable, self._read_anew = f"{what} can't be used", f"{what} was read anew"
        self._read = read
        self._stamp = stamp
        # Before it is read: a change meanwhile is seen the next time.
        self._read_at: object = stamp()
        self._value: T = read()
        self._error: ConfigError | None = None
        self._again_at = 0.0

    def current(self) -> T:
        """What they say now; raises ConfigError for as long as they can't be used."""
        stamp, now = self._stamp(), time.monotonic()
        if stamp != self._read_at or (self._error is not None and now >= self._again_at):
            self._read_at, self._again_at = stamp, now + _AGAIN_AFTER
            self._try()
        if self._error is not None:
            raise self._error
        return self._value

    def _try(self) -> None:
        try:
            self._value = self._read()
        except ConfigError as error:
            if self._error is None or str(error) != str(self._error):
                log.warning(self._unusable, error=str(error))
            self._error = error
        else:
            self._error = None
            log.info(self._read_anew)
