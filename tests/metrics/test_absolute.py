"""The five-fold error of some builds in sources of the type ABSOLUTE."""

import pytest

from xo_exporter.metrics.absolute import absolute_correction


@pytest.mark.parametrize("version", ["25.2.0", "25.2", "25.6.0-2.xcpng8.3", "25.30.0", "25.30.9"])
def test_builds_with_the_error(version: str) -> None:
    """From 25.2.0 to the last 25.30 a value is five times too large."""
    assert absolute_correction(version) == 0.2


@pytest.mark.parametrize(
    "version",
    ["1.249.41", "1.20.0", "23.35.0", "25.1.0", "25.1.9", "25.31.0", "25.31", "26.17.0", "", "?"],
)
def test_builds_without_the_error(version: str) -> None:
    """Before and after that, and where the version is unknown, a value stands as it is."""
    assert absolute_correction(version) == 1.0
