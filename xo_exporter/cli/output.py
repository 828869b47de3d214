"""What a command ends with: its status, and what it prints."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from xo_exporter.errors import ConfigError

OK: Final = 0
NOT_READ_IN_FULL: Final = 1
NOT_USABLE: Final = 2

T = TypeVar("T")


def run_once(work: Coroutine[Any, Any, T]) -> T:
    """Run what ends by itself; SIGTERM ends it early, as Ctrl-C does: logged out of every pool."""

    async def run() -> T:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)


def write(output: bytes) -> None:
    """Write to standard output, all of it; raises ConfigError where that can't be."""
    if sys.stdout is None:
        raise ConfigError("there is no standard output to print on")
    try:
        sys.stdout.buffer.write(output)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        drop_output()  # whoever reads has seen enough
    except OSError as error:
        drop_output()
        raise ConfigError(f"can't write to standard output ({error.strerror})") from error


def drop_output() -> None:
    """Send the rest nowhere; without this Python complains once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
