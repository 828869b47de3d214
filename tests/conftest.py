"""Options of the whole test suite."""

import pytest
from hypothesis import settings

# Tests hold for outcomes: on a busy machine an example may take its time.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that records golden files anew."""
    parser.addoption(
        "--record-golden",
        action="store_true",
        help="write the golden files as the output is now; then read their diff line by line",
    )
