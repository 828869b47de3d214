"""What the golden tests share: how output is compared with a file, or recorded."""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent

Golden = Callable[[str, str], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a text with the golden file of a name, or with `--record-golden` record it anew."""
    record: bool = request.config.getoption("--record-golden")

    def compare(got: str, name: str) -> None:
        path = HERE / name
        if record:
            path.write_text(got, "utf-8")
        wanted = path.read_text("utf-8") if path.exists() else ""
        if got != wanted:
            lines = difflib.unified_diff(
                wanted.splitlines(), got.splitlines(), name, "now", n=0, lineterm=""
            )
            pytest.fail("\n".join(lines), pytrace=False)

    return compare
