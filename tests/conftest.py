"""Options of the whole test suite."""

import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from xo_exporter.xapi import message_reader

# Tests hold for outcomes: on a busy machine an example may take its time.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(autouse=True, scope="session")
def _messages_come_in_time() -> None:
    """Wait for messages, which on a busy machine may come later than a reading waits for them."""
    message_reader.GRACE = 2.0


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Undo what a test sets up of the logs: the options of a command do, as soon as it is read."""
    own, root = structlog.get_config(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.configure(**own)
    root.setLevel(level)
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that records golden files anew."""
    parser.addoption(
        "--record-golden",
        action="store_true",
        help="write the golden files as the output is now; then read their diff line by line",
    )
