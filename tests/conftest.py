"""Options of the whole test suite."""

import pytest
from hypothesis import settings

from xo_exporter.xapi import message_reader

# Tests hold for outcomes: on a busy machine an example may take its time.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(autouse=True, scope="session")
def _messages_come_in_time() -> None:
    """Wait for messages, which on a busy machine may come later than a reading waits for them."""
    message_reader.GRACE = 2.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that records golden files anew."""
    parser.addoption(
        "--record-golden",
        action="store_true",
        help="write the golden files as the output is now; then read their diff line by line",
    )
