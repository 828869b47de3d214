"""What the tests of the ways to install it share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def root() -> Path:
    """Give the project's folder."""
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def clone(root: Path) -> Path:
    """Give the project's folder where Git knows it; that of an sdist it doesn't."""
    if not (root / ".git").exists():
        pytest.skip("is for a clone")
    return root
