"""Where CPU time goes: a look at what runs, each time that some of it has been spent."""

import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

_INTERVAL: Final = 0.001  # seconds of CPU; the kernel may look less often
_LIBRARY: Final = Path(signal.__file__).parent
_IDLE: Final = {"select", "wait", "_worker", "get"}
"""Functions of the standard library in which a thread waits."""


class Function(NamedTuple):
    """A function in a file."""

    path: str
    line: int
    name: str

    def __str__(self) -> str:
        path = Path(self.path)
        roots = [entry for entry in map(Path, sys.path) if entry in path.parents]
        root = max(roots, key=lambda entry: len(entry.parts), default=None)
        return f"{path.relative_to(root) if root else path}:{self.line} {self.name}"


class Sampler:
    """Counts, for each function, how often it ran itself, and how often it or what it called.

    Time in a function that is not written in Python is its caller's. Only for the main thread.
    """

    def __init__(self) -> None:
        self.looks = 0
        self.own: Counter[Function] = Counter()
        self.within: Counter[Function] = Counter()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Look in this block, and in all threads that work meanwhile."""
        before = signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL, _INTERVAL)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)

    def _look(self, _number: int, frame: FrameType | None) -> None:
        frame = self._busy(frame)
        self.looks += 1
        seen: set[Function] = set()
        while frame is not None:
            code = frame.f_code
            function = Function(code.co_filename, code.co_firstlineno, code.co_qualname)
            if not seen:
                self.own[function] += 1
            seen.add(function)
            frame = frame.f_back
        self.within.update(seen)

    def _busy(self, frame: FrameType | None) -> FrameType | None:
        """The frame of a thread that works: the main one, or another where it waits for it."""
        if not _waits(frame):
            return frame
        main = threading.main_thread().ident
        others = [other for ident, other in sys._current_frames().items() if ident != main]  # noqa: SLF001  there is no other way to see them
        return next((other for other in others if not _waits(other)), frame)


def _waits(frame: FrameType | None) -> bool:
    if frame is None:
        return True
    code = frame.f_code
    return code.co_name in _IDLE and Path(code.co_filename).is_relative_to(_LIBRARY)
